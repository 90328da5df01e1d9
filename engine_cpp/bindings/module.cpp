// The extension module: only lists what gets registered. One registration file per subject.
#include <pybind11/pybind11.h>

PYBIND11_MODULE(_engine, module) {
  module.doc() = "The compiled engine of tql.";
}
