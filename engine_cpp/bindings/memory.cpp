// The memory that the engine keeps between queries.
#include "bindings.h"
#include "tql_engine/block_cache.h"

namespace py = pybind11;

namespace tql_engine::bindings {

void register_memory(py::module_& module) {
  module.def("release_memory", &release_kept_blocks, py::call_guard<py::gil_scoped_release>());
}

}  // namespace tql_engine::bindings
