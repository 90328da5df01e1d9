// Zone maps for Python: kept by a source, filled by the engine or from what a format says.
#include <pybind11/numpy.h>

#include <memory>
#include <string>
#include <utility>
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

ZoneView from_row(const ZoneView& view, int64_t row) { return {view.column, view.offset + row}; }

}  // namespace

void register_zones(py::module_& module) {
  py::class_<ZoneView>(module, "Zones")
      .def("from_row", &from_row, py::arg("row"))
      .def("declare", &declare, py::arg("bounds"), py::arg("minimum"), py::arg("maximum"), py::arg("nulls"),
           py::arg("has_nan") = py::none())
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
