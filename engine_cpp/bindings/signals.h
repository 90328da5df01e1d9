// Ctrl-C while the engine works without the GIL.
#pragma once

#include <pybind11/pybind11.h>

namespace tql_engine::bindings {

/// Throws what a pending signal's handler raises: KeyboardInterrupt, for one.
inline void raise_pending_signal() {
  const pybind11::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

}  // namespace tql_engine::bindings
