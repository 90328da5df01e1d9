// One-dimensional NumPy arrays of a known dtype, in and out without copies. A wrong dtype is a TypeError,
// never a silent cast. Columns, whose dtype varies, are numpy_interop.h's business.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <span>
#include <string>
#include <utility>

#include "tql_engine/heap_array.h"

namespace tql_engine::bindings {

/// C-contiguous, of exactly this dtype; what is not is copied where NumPy calls that safe, else refused.
template <class T>
using Array = pybind11::array_t<T, pybind11::array::c_style>;

/// The elements of a one-dimensional array. Valid while the array lives.
template <class T>
std::span<const T> view(const Array<T>& array, const char* name) {
  if (array.ndim() != 1) {
    throw pybind11::value_error(std::string(name) + " must have one dimension, not " +
                                std::to_string(array.ndim()));
  }
  return {array.data(), static_cast<size_t>(array.size())};
}

/// A writable array that owns the values.
template <class T>
pybind11::array_t<T> adopt(HeapArray<T> values) {
  auto* kept = new HeapArray<T>(std::move(values));
  pybind11::capsule base(kept, [](void* pointer) { delete static_cast<HeapArray<T>*>(pointer); });
  return pybind11::array_t<T>(static_cast<pybind11::ssize_t>(kept->values().size()), kept->values().data(),
                              base);
}

}  // namespace tql_engine::bindings
