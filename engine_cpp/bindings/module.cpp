// The extension module: only lists what gets registered. One registration file per subject.
#include "bindings.h"

PYBIND11_MODULE(_engine, module) {
  module.doc() = "The compiled engine of tql.";
  tql_engine::bindings::register_error(module);
  tql_engine::bindings::register_column(module);
  tql_engine::bindings::register_selection(module);
  tql_engine::bindings::register_sampling(module);
  tql_engine::bindings::register_zones(module);
  tql_engine::bindings::register_source(module);
  tql_engine::bindings::register_execute(module);
  tql_engine::bindings::register_codec(module);
  tql_engine::bindings::register_transforms(module);
  tql_engine::bindings::register_stored_rows(module);
  tql_engine::bindings::register_decode(module);
  tql_engine::bindings::register_memory(module);
}
