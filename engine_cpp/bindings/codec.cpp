// Single items through the native codecs, as Python sees them.
#include "tql_engine/codec.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "bindings.h"
#include "block_arrays.h"
#include "buffers.h"
#include "tql_engine/encoded_rows.h"
#include "tql_engine/status.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

py::dict codecs() {
  py::dict result;
  for (const auto& [name, library] : native_codecs()) result[py::str(name)] = library;
  return result;
}

py::tuple shape_of_jpeg(const py::object& data) {
  const BorrowedBytes borrowed(data);
  ImageShape shape;
  {
    const py::gil_scoped_release released;
    shape = jpeg_shape(borrowed.bytes());
  }
  return py::make_tuple(shape.height, shape.width, shape.channels);
}

py::array_t<uint8_t> lz4_decompress(const py::object& data, int64_t size) {
  if (size < 0) throw py::value_error("size must not be negative: " + std::to_string(size));
  const BorrowedBytes borrowed(data);
  check_lz4_size(borrowed.bytes().size(), size);
  py::array_t<uint8_t> result = empty_bytes(static_cast<size_t>(size));
  const std::span<uint8_t> out(result.mutable_data(), static_cast<size_t>(size));
  {
    const py::gil_scoped_release released;
    decode_lz4(borrowed.bytes(), out);
  }
  return result;
}

}  // namespace

void register_codec(py::module_& module) {
  module.def("codecs", &codecs);
  module.def("jpeg_shape", &shape_of_jpeg, py::arg("data"));
  module.def("lz4_decompress", &lz4_decompress, py::arg("data"), py::arg("size"));
}

}  // namespace tql_engine::bindings
