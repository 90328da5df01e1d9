// Large arrays in memory that the engine keeps.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstring>
#include <span>
#include <string>

#include "arrays.h"
#include "bindings.h"
#include "block_arrays.h"
#include "buffers.h"
#include "tql_engine/block_cache.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

py::array_t<uint8_t> checked_empty_bytes(int64_t size) {
  if (size < 0) throw py::value_error("size must not be negative: " + std::to_string(size));
  return empty_bytes(static_cast<size_t>(size));
}

void copy_rows(const py::object& source, const Array<int64_t>& starts, py::array_t<uint8_t> rows,
               const Array<int64_t>& slots) {
  const BorrowedBytes borrowed(source);
  const std::span<const uint8_t> from = borrowed.bytes();
  const std::span<const int64_t> starts_of = view(starts, "starts");
  const std::span<const int64_t> slots_of = view(slots, "slots");
  if (starts_of.size() != slots_of.size()) throw py::value_error("starts and slots must have one length");
  if (rows.ndim() != 2 || (rows.flags() & py::array::c_style) == 0)
    throw py::value_error("rows must be a C-contiguous array [rows, bytes]");
  const auto bytes = static_cast<size_t>(rows.shape(1));
  const int64_t most = static_cast<int64_t>(from.size()) - static_cast<int64_t>(bytes);
  for (size_t i = 0; i < starts_of.size(); ++i) {
    if (starts_of[i] < 0 || starts_of[i] > most || slots_of[i] < 0 || slots_of[i] >= rows.shape(0))
      throw py::index_error("row is out of range: " + std::to_string(i));
  }
  uint8_t* const to = rows.mutable_data();
  const py::gil_scoped_release released;
  for (size_t i = 0; i < starts_of.size(); ++i) {
    std::memcpy(to + static_cast<size_t>(slots_of[i]) * bytes,
                from.data() + static_cast<size_t>(starts_of[i]), bytes);
  }
}

}  // namespace

void register_memory(py::module_& module) {
  module.def("release_memory", &release_kept_blocks, py::call_guard<py::gil_scoped_release>());
  module.def("empty_bytes", &checked_empty_bytes, py::arg("size"));
  module.def("copy_rows", &copy_rows, py::arg("source"), py::arg("starts"), py::arg("rows").noconvert(),
             py::arg("slots"));
}

}  // namespace tql_engine::bindings
