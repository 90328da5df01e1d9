// Selections as Python sees them.
#include "tql_engine/selection.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "numpy_interop.h"
#include "tql_engine/draws.h"
#include "tql_engine/row_weights.h"
#include "tql_engine/thread_pool.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

Selection from_indices(const Array<int64_t>& indices, const std::optional<Array<double>>& weights) {
  const std::span<const int64_t> rows = view(indices, "indices");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0) {
      throw py::value_error("row number at position " + std::to_string(i) +
                            " is negative: " + std::to_string(rows[i]));
    }
  }
  HeapArray<int64_t> copied(rows.size());
  std::copy(rows.begin(), rows.end(), copied.values().begin());
  Selection selection = Selection::from_indices(std::move(copied));
  if (!weights) return selection;
  const std::span<const double> values = view(*weights, "weights");
  if (values.size() != rows.size()) {
    throw py::value_error("weights must have one entry per index: " + std::to_string(values.size()) +
                          " for " + std::to_string(rows.size()));
  }
  HeapArray<double> kept(values.size());
  std::copy(values.begin(), values.end(), kept.values().begin());
  return selection.with_weights(std::make_shared<const RowWeights>(std::move(kept)));
}

const char* kind_name(const Selection& selection) {
  switch (selection.kind()) {
    case Selection::Kind::kRange:
      return "range";
    case Selection::Kind::kBitmap:
      return "bitmap";
    case Selection::Kind::kIndices:
      break;
  }
  return "indices";
}

py::array indices(const Selection& selection) {
  std::span<const int64_t> rows;
  {
    const py::gil_scoped_release released;
    rows = selection.indices(&ThreadPool::shared());
  }
  return readonly_view(py::dtype::of<int64_t>(), {static_cast<py::ssize_t>(rows.size())}, rows.data(),
                       selection.owner());
}

py::object weights(const Selection& selection) {
  if (selection.weights() == nullptr) return py::none();
  std::span<const double> values;
  {
    const py::gil_scoped_release released;
    values = selection.weights()->values();
  }
  return readonly_view(py::dtype::of<double>(), {static_cast<py::ssize_t>(values.size())}, values.data(),
                       selection.weights());
}

py::object repeats(const Selection& selection) {
  if (selection.draws() == nullptr) return py::none();
  Repeats made;
  {
    const py::gil_scoped_release released;
    made = selection.draws()->repeats(ThreadPool::shared());
  }
  return py::make_tuple(adopt(std::move(made.rows)), adopt(std::move(made.counts)));
}

}  // namespace

void register_selection(py::module_& module) {
  py::class_<Selection>(module, "Selection",
                        "Which rows, in which order: a range, a bitmap or an index list.")
      .def_static(
          "from_range",
          [](int64_t start, int64_t stop) {
            if (start < 0) throw py::value_error("start must not be negative: " + std::to_string(start));
            return Selection::range(start, stop);
          },
          py::arg("start"), py::arg("stop"))
      .def_static("from_indices", &from_indices, py::arg("indices"), py::arg("weights") = py::none())
      .def_static(
          "from_mask",
          [](const Array<bool>& mask) {
            const std::span<const bool> rows = view(mask, "mask");
            const py::gil_scoped_release released;
            return Selection::from_mask({reinterpret_cast<const uint8_t*>(rows.data()), rows.size()});
          },
          py::arg("mask"))
      .def("__len__", &Selection::size)
      .def_property_readonly("kind", &kind_name)
      .def_property_readonly("indices", &indices)
      .def_property_readonly("weights", &weights)
      .def_property_readonly("weighted",
                             [](const Selection& selection) { return selection.weights() != nullptr; })
      .def_property_readonly("repeats", &repeats)
      .def_property_readonly("ascending", &Selection::ascending)
      .def("__repr__", [](const Selection& selection) {
        return "<Selection of " + std::to_string(selection.size()) + " rows, " + kind_name(selection) + ">";
      });
}

}  // namespace tql_engine::bindings
