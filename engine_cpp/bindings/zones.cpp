// Zone maps for Python: kept by a source, filled by the engine or from what a format says.
#include <pybind11/numpy.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bindings.h"
#include "numpy_interop.h"
#include "tql_engine/zone_maps.h"

namespace tql_engine::bindings {
namespace {

/// Numbers of any width as the widest of their kind.
class Numbers {
 public:
  Numbers(const py::object& object, const char* name) {
    if (!py::isinstance<py::array>(object)) throw py::value_error(std::string(name) + " must be an array");
    const auto array = py::reinterpret_borrow<py::array>(object);
    if (array.ndim() != 1) throw py::value_error(std::string(name) + " must have one axis");
    kind_ = array.dtype().kind();
    if (kind_ == 'i') {
      signed_ = array;
    } else if (kind_ == 'u' || kind_ == 'b') {
      unsigned_ = array;
    } else if (kind_ == 'f') {
      float_ = array;
    } else {
      throw py::value_error(std::string(name) + " must be an array of numbers");
    }
    size_ = array.size();
  }

  py::ssize_t size() const noexcept { return size_; }
  Number at(py::ssize_t i) const {
    if (kind_ == 'i') return signed_.data()[i];
    return kind_ == 'f' ? Number(float_.data()[i]) : Number(unsigned_.data()[i]);
  }

 private:
  using Flags = std::integral_constant<int, py::array::c_style | py::array::forcecast>;

  char kind_ = 'i';
  py::ssize_t size_ = 0;
  py::array_t<int64_t, Flags::value> signed_;
  py::array_t<uint64_t, Flags::value> unsigned_;
  py::array_t<double, Flags::value> float_;
};

void check_size(py::ssize_t size, py::ssize_t zones, const char* name) {
  if (size == zones) return;
  throw py::value_error(std::string(name) + " has " + std::to_string(size) + " entries for " +
                        std::to_string(zones) + " ranges");
}

void declare(const ZoneView& view, const py::object& bounds, const py::object& minimum,
             const py::object& maximum, const py::object& nulls, const py::object& has_nan) {
  const auto edges = int64_array(bounds, "bounds");
  const py::ssize_t zones = edges.size() - 1;
  if (edges.ndim() != 1 || zones < 0) throw py::value_error("bounds must have one entry more than ranges");
  const Numbers low(minimum, "minimum");
  const Numbers high(maximum, "maximum");
  const auto missing = int64_array(nulls, "nulls");
  const auto nan = bool_array(has_nan, "has_nan");
  check_size(low.size(), zones, "minimum");
  check_size(high.size(), zones, "maximum");
  check_size(missing.size(), zones, "nulls");
  if (nan) check_size(nan->size(), zones, "has_nan");
  std::vector<Zone> made;
  for (py::ssize_t i = 0; i < zones; ++i) {
    Zone zone;
    zone.start = edges.data()[i] + view.offset;
    zone.stop = edges.data()[i + 1] + view.offset;
    zone.nulls = missing.data()[i];
    if (zone.stop < zone.start) throw py::value_error("bounds must be ascending");
    if (zone.nulls < 0 || zone.nulls > zone.rows())
      throw py::value_error("nulls must lie between 0 and the number of rows");
    zone.has_nan = nan && static_cast<const uint8_t*>(nan->data())[i] != 0;
    zone.has_values = zone.nulls < zone.rows();
    zone.low = low.at(i);
    zone.high = high.at(i);
    if (zone.rows() > 0) made.push_back(zone);
  }
  view.column->declare(std::move(made));
}

template <class T, class Get>
py::array_t<T> field(const std::vector<Zone>& zones, Get&& get) {
  py::array_t<T> values(static_cast<py::ssize_t>(zones.size()));
  std::ranges::transform(zones, values.mutable_data(), get);
  return values;
}

/// A bound of every zone; all are numbers of one kind. Zeros where a zone has no value.
py::array bounds_of(const std::vector<Zone>& zones, Number Zone::* bound) {
  const auto as = [&]<class T>(T /*kind*/) -> py::array {
    return field<T>(zones, [&](const Zone& zone) {
      const T* value = std::get_if<T>(&(zone.*bound));
      return zone.has_values && value != nullptr ? *value : T{};
    });
  };
  const auto first = std::ranges::find_if(zones, &Zone::has_values);
  return first == zones.end() ? as(int64_t{}) : std::visit(as, (*first).*bound);
}

py::dict measured(const ZoneView& view) {
  const std::vector<Zone> zones = view.column->measured();
  py::dict fields;
  fields["start"] = field<int64_t>(zones, [&](const Zone& zone) { return zone.start - view.offset; });
  fields["stop"] = field<int64_t>(zones, [&](const Zone& zone) { return zone.stop - view.offset; });
  fields["nulls"] = field<int64_t>(zones, [](const Zone& zone) { return zone.nulls; });
  fields["has_nan"] = field<bool>(zones, [](const Zone& zone) { return zone.has_nan; });
  fields["has_values"] = field<bool>(zones, [](const Zone& zone) { return zone.has_values; });
  fields["low"] = bounds_of(zones, &Zone::low);
  fields["high"] = bounds_of(zones, &Zone::high);
  fields["members"] = field<uint64_t>(zones, [](const Zone& zone) { return zone.members; });
  return fields;
}

void restore(const ZoneView& view, const py::object& start, const py::object& stop, const py::object& nulls,
             const py::object& has_nan, const py::object& has_values, const py::object& low,
             const py::object& high, const py::array_t<uint64_t, py::array::c_style>& members) {
  const auto starts = int64_array(start, "start");
  const auto stops = int64_array(stop, "stop");
  const auto missing = int64_array(nulls, "nulls");
  const auto nan = bool_array(has_nan, "has_nan");
  const auto values = bool_array(has_values, "has_values");
  const Numbers lows(low, "low");
  const Numbers highs(high, "high");
  const py::ssize_t zones = starts.size();
  check_size(stops.size(), zones, "stop");
  check_size(missing.size(), zones, "nulls");
  check_size(nan ? nan->size() : 0, zones, "has_nan");
  check_size(values ? values->size() : 0, zones, "has_values");
  check_size(lows.size(), zones, "low");
  check_size(highs.size(), zones, "high");
  check_size(members.size(), zones, "members");
  std::vector<Zone> made(static_cast<size_t>(zones));
  for (py::ssize_t i = 0; i < zones; ++i) {
    Zone& zone = made[static_cast<size_t>(i)];
    const int64_t first = starts.data()[i];
    const int64_t last = stops.data()[i];
    if (first < 0 || last <= first || last - first > ZoneColumn::kZoneRows)
      throw py::value_error("a zone has no rows or too many");
    zone.start = first + view.offset;
    zone.stop = last + view.offset;
    zone.nulls = missing.data()[i];
    if (zone.nulls < 0 || zone.nulls > zone.rows())
      throw py::value_error("nulls must lie between 0 and the number of rows");
    zone.has_nan = static_cast<const uint8_t*>(nan->data())[i] != 0;
    zone.has_values = static_cast<const uint8_t*>(values->data())[i] != 0;
    zone.low = lows.at(i);
    zone.high = highs.at(i);
    zone.members = members.data()[i];
  }
  for (const Zone& zone : made) view.column->add(zone);
}

ZoneView from_row(const ZoneView& view, int64_t row) { return {view.column, view.offset + row}; }

}  // namespace

void register_zones(py::module_& module) {
  py::class_<ZoneView>(module, "Zones")
      .def("from_row", &from_row, py::arg("row"))
      .def("declare", &declare, py::arg("bounds"), py::arg("minimum"), py::arg("maximum"), py::arg("nulls"),
           py::arg("has_nan") = py::none())
      .def("measured", &measured)
      .def("restore", &restore, py::kw_only(), py::arg("start"), py::arg("stop"), py::arg("nulls"),
           py::arg("has_nan"), py::arg("has_values"), py::arg("low"), py::arg("high"), py::arg("members"))
      .def_property_readonly("num_measured", [](const ZoneView& view) { return view.column->num_measured(); })
      .def_property_readonly("declared", [](const ZoneView& view) { return view.column->is_declared(); })
      .def(
          "covers",
          [](const ZoneView& view, int64_t start, int64_t stop) {
            return view.column->covers(start + view.offset, stop + view.offset);
          },
          py::arg("start"), py::arg("stop"));
  py::class_<ZoneMaps>(module, "ZoneMaps").def(py::init<>()).def("of", &ZoneMaps::of, py::arg("column"));
}

}  // namespace tql_engine::bindings
