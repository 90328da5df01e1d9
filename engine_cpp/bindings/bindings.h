// What each bindings file registers. Only files of this folder include pybind11.
#pragma once

#include <pybind11/pybind11.h>

namespace tql_engine::bindings {

void register_codec(pybind11::module_& module);
void register_column(pybind11::module_& module);
void register_decode(pybind11::module_& module);
void register_error(pybind11::module_& module);
void register_execute(pybind11::module_& module);
void register_memory(pybind11::module_& module);
void register_sampling(pybind11::module_& module);
void register_selection(pybind11::module_& module);
void register_source(pybind11::module_& module);
void register_stored_rows(pybind11::module_& module);
void register_transforms(pybind11::module_& module);
void register_zones(pybind11::module_& module);

}  // namespace tql_engine::bindings
