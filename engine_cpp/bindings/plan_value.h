// Plain Python data to the engine's own, for plans.
#pragma once

#include <pybind11/pybind11.h>

#include "tql_engine/value.h"

namespace tql_engine::bindings {

namespace py = pybind11;

/// None, bool, int, float, str, list, tuple and dict. Throws EngineError(kInternal) for anything else.
Value value_of(py::handle object, int depth = 0);

}  // namespace tql_engine::bindings
