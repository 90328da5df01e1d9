// Sources from Python to the engine, and those that a plan made for Python.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "numpy_interop.h"
#include "python_source.h"
#include "tql_engine/made_source.h"
#include "tql_engine/status.h"

namespace tql_engine::bindings {
namespace {

/// What `read` gives. An error of the source gets a note that says what was read; `rows` says which.
template <class Rows, class Read>
py::object noted(const std::string& column, const Rows& rows, const Read& read) {
  try {
    return read();
  } catch (const py::error_already_set& error) {
    if (error.matches(PyExc_Exception)) {
      error.value().attr("add_note")("while reading " + rows() + " of column '" + column + "'");
    }
    throw;
  }
}

class PythonSource final : public Source {
 public:
  explicit PythonSource(py::object source) : source_(std::move(source)) {}
  ~PythonSource() override {
    if (Py_IsInitialized() == 0) {
      source_.release();  // at exit the interpreter has let go of everything
      return;
    }
    const py::gil_scoped_acquire gil;
    source_ = py::object();
  }

  int64_t num_rows() override {
    const py::gil_scoped_acquire gil;
    return source_.attr("num_rows").cast<int64_t>();
  }

  std::vector<RowRange> partitions(std::span<const std::string> columns) override {
    const py::gil_scoped_acquire gil;
    const py::object parts =
        source_.attr("partitions")(py::cast(std::vector<std::string>(columns.begin(), columns.end())));
    std::vector<RowRange> ranges;
    for (const py::handle part : parts) {
      const auto [start, stop] = part.cast<std::pair<int64_t, int64_t>>();
      ranges.push_back({start, stop});
    }
    return ranges;
  }

  Column read(const std::string& column, Facet facet, int64_t start, int64_t stop) override {
    const py::gil_scoped_acquire gil;
    const auto rows = [&] { return "rows " + std::to_string(start) + " to " + std::to_string(stop - 1); };
    return column_of(
        noted(column, rows, [&] { return source_.attr("read")(column, name_of(facet), start, stop); }));
  }

  bool in_memory() override {
    const py::gil_scoped_acquire gil;
    return py::getattr(source_, "in_memory", py::bool_(false)).cast<bool>();
  }

  ZoneView zones(const std::string& column) override {
    const py::gil_scoped_acquire gil;
    if (!py::hasattr(source_, "zones")) return {};
    const py::object zones = source_.attr("zones")(column);
    return zones.is_none() ? ZoneView() : zones.cast<ZoneView>();
  }

  Column take(const std::string& column, Facet facet, std::span<const int64_t> rows) override {
    const py::gil_scoped_acquire gil;
    py::array_t<int64_t> positions(static_cast<py::ssize_t>(rows.size()));
    std::copy(rows.begin(), rows.end(), positions.mutable_data());
    const auto taken = [&] {
      std::string text = "row " + (rows.empty() ? "" : std::to_string(rows.front()));
      if (rows.size() > 1) text += " and " + std::to_string(rows.size() - 1) + " others";
      return text;
    };
    return column_of(
        noted(column, taken, [&] { return source_.attr("take")(column, name_of(facet), positions); }));
  }

  std::vector<int64_t> nearest(const std::string& column, const std::string& metric,
                               std::span<const double> query, int64_t count) override {
    const py::gil_scoped_acquire gil;
    if (!py::hasattr(source_, "nearest")) return Source::nearest(column, metric, query, count);
    py::array_t<double> vector(static_cast<py::ssize_t>(query.size()));
    std::copy(query.begin(), query.end(), vector.mutable_data());
    const auto rows = int64_array(source_.attr("nearest")(column, metric, vector, count), "rows");
    const std::span<const int64_t> found = span_of(rows);
    return {found.begin(), found.end()};
  }

 private:
  static const char* name_of(Facet facet) noexcept { return facet == Facet::kShape ? "shape" : "values"; }

  static Column column_of(const py::object& object) {
    if (!py::isinstance<Column>(object))
      throw EngineError(Code::kInternal, "the source gave something that is no Column");
    return object.cast<Column>();
  }

  py::object source_;
};

Facet facet_of(const std::string& name) {
  if (name == "values") return Facet::kValues;
  if (name == "shape") return Facet::kShape;
  throw py::value_error("facet must be 'values' or 'shape': '" + name + "'");
}

std::vector<std::pair<int64_t, int64_t>> partitions(MadeSource& source,
                                                    const std::vector<std::string>& columns) {
  const py::gil_scoped_release release;
  std::vector<std::pair<int64_t, int64_t>> parts;
  for (const RowRange& part : source.partitions(columns)) parts.emplace_back(part.start, part.stop);
  return parts;
}

Column read(MadeSource& source, const std::string& column, const std::string& facet, int64_t start,
            int64_t stop) {
  const Facet wanted = facet_of(facet);
  const py::gil_scoped_release release;
  return source.read(column, wanted, start, stop);
}

Column take(MadeSource& source, const std::string& column, const std::string& facet, const py::object& rows) {
  const Facet wanted = facet_of(facet);
  const auto positions = int64_array(rows, "rows");
  const py::gil_scoped_release release;
  return source.take(column, wanted, span_of(positions));
}

}  // namespace

SourcePtr source_from(const py::object& object) {
  if (py::isinstance<MadeSource>(object)) return object.cast<std::shared_ptr<MadeSource>>();
  return std::make_shared<PythonSource>(object);
}

void register_source(py::module_& module) {
  py::class_<MadeSource, std::shared_ptr<MadeSource>>(module, "MadeSource")
      .def_property_readonly("num_rows", &MadeSource::num_rows)
      .def("partitions", &partitions, py::arg("columns"))
      .def("read", &read, py::arg("column"), py::arg("facet"), py::arg("start"), py::arg("stop"))
      .def("take", &take, py::arg("column"), py::arg("facet"), py::arg("rows"));
}

}  // namespace tql_engine::bindings
