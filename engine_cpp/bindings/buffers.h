// Bytes of Python objects, borrowed through the buffer protocol.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <span>

namespace tql_engine::bindings {

/// Contiguous bytes of an object, which stays alive and unresized meanwhile. Make and destroy it with the GIL
/// held.
class BorrowedBytes {
 public:
  explicit BorrowedBytes(const pybind11::object& object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw pybind11::error_already_set();
  }
  ~BorrowedBytes() { PyBuffer_Release(&view_); }
  BorrowedBytes(const BorrowedBytes&) = delete;
  BorrowedBytes& operator=(const BorrowedBytes&) = delete;

  std::span<const uint8_t> bytes() const noexcept {
    return {static_cast<const uint8_t*>(view_.buf), static_cast<size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

}  // namespace tql_engine::bindings
