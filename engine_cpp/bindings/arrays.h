// NumPy arrays in and out without copies. Strict: a wrong dtype or rank is a TypeError, never a silent cast.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

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

/// A read-only array over memory that `owner` keeps alive.
template <class T>
pybind11::array share(std::span<const T> values, std::shared_ptr<const void> owner) {
  using Owner = std::shared_ptr<const void>;
  pybind11::capsule base(new Owner(std::move(owner)),
                         [](void* pointer) { delete static_cast<Owner*>(pointer); });
  pybind11::array_t<T> array(static_cast<pybind11::ssize_t>(values.size()), values.data(), base);
  pybind11::detail::array_proxy(array.ptr())->flags &= ~pybind11::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return std::move(array);
}

/// A writable array that owns the vector.
template <class T>
pybind11::array_t<T> adopt(std::vector<T> values) {
  auto* kept = new std::vector<T>(std::move(values));
  pybind11::capsule base(kept, [](void* pointer) { delete static_cast<std::vector<T>*>(pointer); });
  return pybind11::array_t<T>(static_cast<pybind11::ssize_t>(kept->size()), kept->data(), base);
}

}  // namespace tql_engine::bindings
