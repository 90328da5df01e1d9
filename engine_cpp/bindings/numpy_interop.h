// NumPy arrays in and out without copies: lifetime in both directions, dtype to element kind and back.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tql_engine/column.h"

namespace tql_engine::bindings {

namespace py = pybind11;

/// Keeps Python objects until the last user is gone; takes the GIL to release them.
Owner keep_alive(std::vector<py::object> objects);

/// The element kind of a dtype. Throws ValueError for one that the engine does not store.
Element element_of(const py::dtype& dtype);
py::dtype dtype_of(Element element);

/// The array itself if it is C-contiguous, aligned and of native byte order, else such a copy.
py::array contiguous(const py::array& array);

/// An integer array as contiguous int64; ValueError for other dtypes.
py::array_t<int64_t> int64_array(const py::object& object, const char* name);

/// A bool array [n] as contiguous bytes, or nothing for None.
std::optional<py::array> bool_array(const py::object& object, const char* name);

inline std::span<const int64_t> span_of(const py::array_t<int64_t>& array) {
  return {array.data(), static_cast<size_t>(array.size())};
}

/// A read-only array over memory that `owner` keeps alive.
py::array readonly_view(const py::dtype& dtype, std::vector<py::ssize_t> shape, const void* data,
                        Owner owner);

}  // namespace tql_engine::bindings
