// Sources from Python.
#pragma once

#include <pybind11/pybind11.h>

#include "tql_engine/source.h"

namespace tql_engine::bindings {

/// A Python object with the methods of a source. What they raise passes through the engine unchanged.
SourcePtr source_from(const pybind11::object& object);

}  // namespace tql_engine::bindings
