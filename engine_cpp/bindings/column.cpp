// Column for Python: made from NumPy arrays and buffers, seen again as NumPy arrays, nothing copied.
#include "tql_engine/column.h"

#include <pybind11/stl.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "bindings.h"
#include "numpy_interop.h"

namespace tql_engine::bindings {
namespace {

std::span<const uint8_t> validity_span(const std::optional<py::array>& array, int64_t length,
                                       std::vector<py::object>& keep) {
  if (!array) return {};
  if (array->size() != length) {
    throw py::value_error("validity has " + std::to_string(array->size()) + " entries for " +
                          std::to_string(length) + " rows");
  }
  keep.push_back(*array);
  return {static_cast<const uint8_t*>(array->data()), static_cast<size_t>(array->size())};
}

Column make_dense(const py::array& values, const py::object& validity) {
  if (values.ndim() == 0) throw py::value_error("a dense column needs an array of at least one axis");
  const py::array array = contiguous(values);
  std::vector<py::object> keep{array};
  const std::vector<int64_t> row_shape(array.shape() + 1, array.shape() + array.ndim());
  const auto valid = validity_span(bool_array(validity, "validity"), array.shape(0), keep);
  return Column::dense(element_of(array.dtype()), array.data(), array.nbytes(), array.shape(0), row_shape,
                       valid, keep_alive(std::move(keep)));
}

Column make_ragged(const py::array& values, const py::object& offsets, const py::object& shapes,
                   const py::object& validity) {
  if (values.ndim() != 1) throw py::value_error("the values of a ragged column must be flat");
  const py::array array = contiguous(values);
  const auto starts = int64_array(offsets, "offsets");
  const auto extents = int64_array(shapes, "shapes");
  if (starts.ndim() != 1 || starts.size() == 0)
    throw py::value_error("offsets must have one entry more than rows");
  const py::ssize_t rows = starts.size() - 1;
  if (extents.ndim() != 2 || extents.shape(0) != rows)
    throw py::value_error("shapes must be an array [rows, rank]");
  std::vector<py::object> keep{array, starts, extents};
  const auto valid = validity_span(bool_array(validity, "validity"), rows, keep);
  if (extents.shape(1) > kMaxRank) throw py::value_error("arrays of more than 32 axes are not supported");
  return Column::ragged(element_of(array.dtype()), array.data(), array.size(), span_of(starts),
                        span_of(extents), static_cast<int>(extents.shape(1)), valid,
                        keep_alive(std::move(keep)));
}

/// The bytes of a buffer; the buffer stays locked as long as `keep` lives.
std::span<const char> bytes_of(const py::object& object, std::vector<py::object>& keep) {
  const py::object view = py::memoryview(object);
  if (!view.attr("c_contiguous").cast<bool>()) throw py::value_error("text data must be a contiguous buffer");
  const Py_buffer* buffer = PyMemoryView_GET_BUFFER(view.ptr());
  keep.push_back(view);
  return {static_cast<const char*>(buffer->buf), static_cast<size_t>(buffer->len)};
}

/// Offsets of 32 bits as they are, all others as int64.
Offsets offsets_of(const py::object& object, const char* name, std::vector<py::object>& keep) {
  if (py::isinstance<py::array_t<int32_t>>(object)) {
    const auto narrow = py::reinterpret_borrow<py::array>(object);
    const bool is_plain = narrow.ndim() == 1 && (narrow.flags() & py::array::c_style) != 0 &&
                          reinterpret_cast<uintptr_t>(narrow.data()) % alignof(int32_t) == 0;
    if (is_plain) {
      keep.push_back(narrow);
      return {static_cast<const int32_t*>(narrow.data()), static_cast<size_t>(narrow.size())};
    }
  }
  const auto wide = int64_array(object, name);
  keep.push_back(wide);
  return span_of(wide);
}

int64_t rows_of(const Offsets& offsets) noexcept { return static_cast<int64_t>(offsets.size()) - 1; }

Column make_text(const py::object& offsets, const py::object& data, const py::object& validity) {
  std::vector<py::object> keep;
  const Offsets starts = offsets_of(offsets, "offsets", keep);
  const auto valid = validity_span(bool_array(validity, "validity"), rows_of(starts), keep);
  const auto bytes = bytes_of(data, keep);
  return Column::text(starts, bytes, valid, keep_alive(std::move(keep)));
}

Column make_text_list(const py::object& row_offsets, const py::object& offsets, const py::object& data,
                      const py::object& validity) {
  std::vector<py::object> keep;
  const Offsets rows = offsets_of(row_offsets, "row_offsets", keep);
  const Offsets starts = offsets_of(offsets, "offsets", keep);
  const auto valid = validity_span(bool_array(validity, "validity"), rows_of(rows), keep);
  const auto bytes = bytes_of(data, keep);
  return Column::text_list(rows, starts, bytes, valid, keep_alive(std::move(keep)));
}

Column make_list(const Column& items, const py::object& row_offsets, const py::object& validity) {
  std::vector<py::object> keep;
  const Offsets rows = offsets_of(row_offsets, "row_offsets", keep);
  const auto valid = validity_span(bool_array(validity, "validity"), rows_of(rows), keep);
  return Column::list(rows, items, valid, keep_alive(std::move(keep)));
}

Column make_dictionary(const py::array& codes, const Column& texts, const py::object& validity) {
  if (codes.ndim() != 1) throw py::value_error("codes must have one axis");
  const py::array array = contiguous(codes);
  std::vector<py::object> keep{array};
  const auto valid = validity_span(bool_array(validity, "validity"), array.size(), keep);
  return Column::dictionary(element_of(array.dtype()), array.data(), array.size(), texts, valid,
                            keep_alive(std::move(keep)));
}

std::optional<Column> items_of(const Column& column) {
  if (column.layout() != Layout::kList && column.layout() != Layout::kDictionary) return std::nullopt;
  return column.items();
}

py::array values_view(const Column& column) {
  if (column.layout() == Layout::kList) throw py::value_error("a list column has items instead of values");
  if (column.layout() == Layout::kDictionary) {
    return readonly_view(dtype_of(column.code_element()), {column.length()}, column.raw_values(),
                         column.owner());
  }
  std::vector<py::ssize_t> shape;
  if (column.layout() == Layout::kDense) {
    shape.push_back(column.length());
    shape.insert(shape.end(), column.row_shape().begin(), column.row_shape().end());
  } else {
    shape.push_back(column.value_count());
  }
  return readonly_view(dtype_of(column.element()), std::move(shape), column.raw_values(), column.owner());
}

py::object offsets_view(const Column& column, const Offsets& offsets) {
  if (offsets.empty()) return py::none();
  const auto dtype = offsets.is_narrow() ? py::dtype::of<int32_t>() : py::dtype::of<int64_t>();
  return readonly_view(dtype, {static_cast<py::ssize_t>(offsets.size())}, offsets.data(), column.owner());
}

py::array shapes_view(const Column& column) {
  const int rank = column.shape_rank();
  const std::vector<py::ssize_t> shape{column.length(), rank};
  if (column.layout() == Layout::kRagged) {
    return readonly_view(py::dtype::of<int64_t>(), shape, column.shapes().data(), column.owner());
  }
  py::array_t<int64_t> array(shape);
  int64_t* extents = array.mutable_data();
  for (int64_t row = 0; row < column.length(); ++row) column.shape_at(row, extents + row * rank);
  return array;
}

py::object validity_view(const Column& column) {
  if (column.validity() == nullptr) return py::none();
  return readonly_view(py::dtype::of<bool>(), {column.length()}, column.validity(), column.owner());
}

Column take(const Column& column, const py::object& rows) {
  const auto positions = int64_array(rows, "rows");
  const py::gil_scoped_release release;
  return column.take(span_of(positions));
}

std::optional<Column> encode(const Column& column) {
  const py::gil_scoped_release release;
  return column.encode();
}

Column concat(const std::vector<Column>& columns) {
  const py::gil_scoped_release release;
  return Column::concat(columns);
}

}  // namespace

void register_column(py::module_& module) {
  const py::object none = py::none();
  py::class_<Column>(module, "Column")
      .def_static("dense", &make_dense, py::arg("values"), py::arg("validity") = none)
      .def_static("ragged", &make_ragged, py::arg("values"), py::arg("offsets"), py::arg("shapes"),
                  py::arg("validity") = none)
      .def_static("text", &make_text, py::arg("offsets"), py::arg("data"), py::arg("validity") = none)
      .def_static("dictionary", &make_dictionary, py::arg("codes"), py::arg("texts"),
                  py::arg("validity") = none)
      .def_static("text_list", &make_text_list, py::arg("row_offsets"), py::arg("offsets"), py::arg("data"),
                  py::arg("validity") = none)
      .def_static("list", &make_list, py::arg("items"), py::arg("row_offsets"), py::arg("validity") = none)
      .def_static("concat", &concat, py::arg("columns"))
      .def("__len__", &Column::length)
      .def_property_readonly("element", [](const Column& c) { return element_name(c.element()); })
      .def_property_readonly("layout", [](const Column& c) { return layout_name(c.layout()); })
      .def_property_readonly("rank", &Column::rank)
      .def_property_readonly("values", &values_view)
      .def_property_readonly("items", &items_of)
      .def_property_readonly("offsets", [](const Column& c) { return offsets_view(c, c.offsets()); })
      .def_property_readonly("row_offsets", [](const Column& c) { return offsets_view(c, c.row_offsets()); })
      .def_property_readonly("shapes", &shapes_view)
      .def_property_readonly("validity", &validity_view)
      .def_property_readonly("nbytes", &Column::byte_count)
      .def("take", &take, py::arg("rows"))
      .def("plain", &Column::as_plain)
      .def("encode", &encode)
      .def("slice", &Column::slice, py::arg("start"), py::arg("stop"));
}

}  // namespace tql_engine::bindings
