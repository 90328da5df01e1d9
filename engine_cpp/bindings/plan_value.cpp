// Plain Python data to the engine's own, for plans.
#include "plan_value.h"

#include <pybind11/numpy.h>

#include <string>

#include "tql_engine/stack.h"
#include "tql_engine/status.h"

namespace tql_engine::bindings {
namespace {

constexpr int kMaxDepth = 2600;   // also ends data that contains itself
constexpr int kStackCheck = 100;  // levels between two looks at the stack

std::string text_of(py::handle object) {
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(object.ptr(), &size);
  if (bytes == nullptr) {
    PyErr_Clear();
    throw EngineError(Code::kInternal, "a plan holds text that is not valid Unicode");
  }
  return {bytes, static_cast<size_t>(size)};
}

Value integer_of(py::handle object) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
  if (overflow == 0) return {int64_t{number}};
  const unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(object.ptr()) : 0;
  if (overflow < 0 || PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw EngineError(Code::kInternal, "a plan holds an integer of more than 64 bits");
  }
  return {uint64_t{large}};
}

}  // namespace

Value value_of(py::handle object, int depth) {
  if (depth > kMaxDepth ||
      (depth % kStackCheck == kStackCheck - 1 && !stack_has(kStackCheck * kStackPerLevel))) {
    throw EngineError(Code::kInternal, "the plan is nested too deeply");
  }
  if (object.is_none()) return {};
  if (py::isinstance<py::bool_>(object)) return {object.cast<bool>()};
  if (py::isinstance<py::int_>(object)) return integer_of(object);
  if (py::isinstance<py::float_>(object)) return {object.cast<double>()};
  if (py::isinstance<py::str>(object)) return {text_of(object)};
  if (py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object)) {
    List list;
    for (const py::handle item : py::reinterpret_borrow<py::sequence>(object))
      list.push_back(value_of(item, depth + 1));
    return {std::move(list)};
  }
  if (py::isinstance<py::dict>(object)) {
    Dict dict;
    for (const auto& [key, item] : py::reinterpret_borrow<py::dict>(object)) {
      if (!py::isinstance<py::str>(key))
        throw EngineError(Code::kInternal, "a plan has a member whose name is no string");
      dict.emplace(text_of(key), value_of(item, depth + 1));
    }
    return {std::move(dict)};
  }
  throw EngineError(Code::kInternal, "a plan may not hold a " + std::string(Py_TYPE(object.ptr())->tp_name));
}

}  // namespace tql_engine::bindings
