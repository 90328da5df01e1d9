// The one place where the engine's error becomes a Python exception.
#include <pybind11/gil_safe_call_once.h>

#include <new>

#include "bindings.h"
#include "tql_engine/node_error.h"
#include "tql_engine/status.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::object> python_type;

void raise_in_python(const EngineError& error) {
  const std::string_view code = code_name(error.code());
  const py::tuple args = py::make_tuple(py::str(code.data(), code.size()), error.message(), error.row(),
                                        error.span().start, error.span().end);
  PyErr_SetObject(python_type.get_stored().ptr(), args.ptr());
}

void raise_in_python(const NodeError& error) {
  const std::string_view code = code_name(error.code());
  const py::tuple args = py::make_tuple(py::str(code.data(), code.size()), error.message(), error.row(),
                                        error.span().start, error.span().end, error.node());
  PyErr_SetObject(python_type.get_stored().ptr(), args.ptr());
}

void raise_in_python(const MemoryLimitError& error) {
  const std::string_view code = code_name(error.code());
  const py::tuple args = py::make_tuple(py::str(code.data(), code.size()), error.message(), -1, -1, -1,
                                        error.node(), error.needed(), error.limit());
  PyErr_SetObject(python_type.get_stored().ptr(), args.ptr());
}

}  // namespace

void register_error(py::module_& module) {
  python_type.call_once_and_store_result(
      [&module] { return py::object(py::exception<EngineError>(module, "EngineError")); });
  // Args (code, message, row, span_start, span_end, ...); the docstring of _engine.pyi says what they mean.
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const MemoryLimitError& error) {
      raise_in_python(error);
    } catch (const NodeError& error) {
      raise_in_python(error);
    } catch (const EngineError& error) {
      raise_in_python(error);
    } catch (const std::bad_alloc&) {
      PyErr_SetString(PyExc_MemoryError, "the system has no memory left for what the engine was asked to do");
    }
  });
}

}  // namespace tql_engine::bindings
