// Lifetime and dtypes between NumPy arrays and columns.
#include "numpy_interop.h"

#include <memory>
#include <stdexcept>
#include <utility>

namespace tql_engine::bindings {

Owner keep_alive(std::vector<py::object> objects) {
  auto kept = std::make_unique<std::vector<py::object>>(std::move(objects));
  return Owner(static_cast<const void*>(kept.release()), [](const void* pointer) {
    if (Py_IsInitialized() == 0) return;  // at exit the interpreter has let go of everything
    const py::gil_scoped_acquire gil;
    delete static_cast<const std::vector<py::object>*>(pointer);
  });
}

Element element_of(const py::dtype& dtype) {
  const py::ssize_t size = dtype.itemsize();
  switch (dtype.kind()) {
    case 'b':
      return Element::kBool;
    case 'i':
      if (size == 1) return Element::kInt8;
      if (size == 2) return Element::kInt16;
      if (size == 4) return Element::kInt32;
      if (size == 8) return Element::kInt64;
      break;
    case 'u':
      if (size == 1) return Element::kUint8;
      if (size == 2) return Element::kUint16;
      if (size == 4) return Element::kUint32;
      if (size == 8) return Element::kUint64;
      break;
    case 'f':
      if (size == 2) return Element::kFloat16;
      if (size == 4) return Element::kFloat32;
      if (size == 8) return Element::kFloat64;
      break;
    default:
      break;
  }
  throw py::value_error("a column cannot hold values of dtype " + py::str(dtype).cast<std::string>());
}

py::dtype dtype_of(Element element) {
  if (element == Element::kText) return py::dtype("uint8");
  return py::dtype(std::string(element_name(element)));
}

py::array contiguous(const py::array& array) {
  using Api = py::detail::npy_api;
  const int wanted = Api::NPY_ARRAY_C_CONTIGUOUS_ | Api::NPY_ARRAY_ALIGNED_;
  if ((array.flags() & wanted) == wanted && array.dtype().attr("isnative").cast<bool>()) return array;
  const py::object native = array.dtype().attr("newbyteorder")("=");
  py::array copy = array.attr("astype")(native, py::arg("order") = "C", py::arg("copy") = true);
  return copy;
}

py::array_t<int64_t> int64_array(const py::object& object, const char* name) {
  if (!py::isinstance<py::array>(object))
    throw py::value_error(std::string(name) + " must be an array of int64");
  auto array = py::reinterpret_borrow<py::array>(object);
  const char kind = array.dtype().kind();
  if (kind != 'i' && kind != 'u') throw py::value_error(std::string(name) + " must be an array of int64");
  return py::array_t<int64_t>(
      contiguous(py::array_t<int64_t, py::array::c_style | py::array::forcecast>(array)));
}

std::optional<py::array> bool_array(const py::object& object, const char* name) {
  if (object.is_none()) return std::nullopt;
  if (!py::isinstance<py::array>(object)) throw py::value_error(std::string(name) + " must be a bool array");
  auto array = py::reinterpret_borrow<py::array>(object);
  if (array.dtype().kind() != 'b' || array.ndim() != 1) {
    throw py::value_error(std::string(name) + " must be a bool array of one axis");
  }
  return contiguous(array);
}

py::array readonly_view(const py::dtype& dtype, std::vector<py::ssize_t> shape, const void* data,
                        Owner owner) {
  auto kept = std::make_unique<Owner>(std::move(owner));
  const py::capsule base(kept.get(), [](void* pointer) { delete static_cast<Owner*>(pointer); });
  kept.release();
  py::array array(dtype, std::move(shape), {}, data, base);
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

}  // namespace tql_engine::bindings
