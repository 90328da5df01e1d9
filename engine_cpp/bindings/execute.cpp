// Plans and their execution for Python. The engine runs without the GIL and takes it to ask the source.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "numpy_interop.h"
#include "plan_value.h"
#include "python_source.h"
#include "signals.h"
#include "tql_engine/executor.h"
#include "tql_engine/made_source.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine::bindings {
namespace {

/// A Python callable as a function of the host. The caller keeps it alive; what it raises passes through the
/// engine unchanged.
HostFunction host_function(py::handle function, const std::string& name) {
  return [function, name](const HostCall& call, std::span<const Column> args) {
    const py::gil_scoped_acquire gil;
    py::tuple columns(args.size());
    for (size_t i = 0; i < args.size(); ++i) columns[i] = py::cast(args[i]);
    const py::object made = function(py::cast(call, py::return_value_policy::reference), *columns);
    if (!py::isinstance<Column>(made)) {
      throw EngineError(Code::kInternal, "the function '" + name + "' gave something that is no Column");
    }
    return made.cast<Column>();
  };
}

ExecuteResult run(const Plan& plan, const py::object& source,
                  const std::map<std::string, py::object>& sources,
                  const std::map<std::string, py::object>& functions, const py::int_& seed, int threads,
                  std::optional<int64_t> memory_limit) {
  if (threads < 0) throw py::value_error("threads must not be negative");
  if (memory_limit && *memory_limit < 0) throw py::value_error("memory_limit must not be negative");
  const uint64_t bits = PyLong_AsUnsignedLongLongMask(seed.ptr());  // of any integer the lowest 64 bits
  Sources wrapped;
  if (!source.is_none()) wrapped.bound = source_from(source);
  for (const auto& [key, named] : sources) wrapped.named.emplace(key, source_from(named));
  HostFunctions called;
  for (const auto& [name, function] : functions) called.emplace(name, host_function(function, name));
  int64_t failed = -1;
  try {
    const py::gil_scoped_release release;
    return execute(plan, wrapped,
                   {bits, threads, &raise_pending_signal, std::move(called), memory_limit, &failed});
  } catch (const py::error_already_set& error) {
    if (failed >= 0 && error.matches(PyExc_Exception))
      py::setattr(error.value(), "failed_node", py::int_(failed));
    throw;
  }
}

py::object place_of(const HostCall& call) {
  if (call.span.start < 0) return py::none();
  return py::make_tuple(call.span.start, call.span.end);
}

/// None for the bound source, the key of a named one, or the one that the plan made.
py::object source_of(const ExecuteResult& result) {
  if (result.made != nullptr) return py::cast(std::dynamic_pointer_cast<MadeSource>(result.made));
  if (result.source) return py::str(*result.source);
  return py::none();
}

py::dict columns_of(const ExecuteResult& result) {
  py::dict columns;
  for (const auto& [name, column] : result.columns) columns[py::str(name)] = column;
  return columns;
}

py::list conjuncts_of(const NodeStatistics& node) {
  py::list conjuncts;
  for (const ConjunctStatistics& conjunct : node.conjuncts) {
    py::dict entry;
    entry["place"] = conjunct.place;
    entry["rows_in"] = conjunct.rows_in;
    entry["rows_out"] = conjunct.rows_out;
    entry["nanoseconds"] = conjunct.nanoseconds;
    conjuncts.append(entry);
  }
  return conjuncts;
}

py::dict zones_of(const ZoneStatistics& zones) {
  py::dict entry;
  entry["read"] = zones.read;
  entry["skipped"] = zones.skipped;
  entry["accepted"] = zones.accepted;
  return entry;
}

py::list statistics_of(const ExecuteResult& result) {
  py::list nodes;
  for (const NodeStatistics& node : result.statistics) {
    py::dict entry;
    entry["id"] = node.id;
    entry["rows_in"] = node.rows_in;
    entry["rows_out"] = node.rows_out;
    entry["nanoseconds"] = node.nanoseconds;
    entry["bytes_read"] = node.bytes_read;
    entry["partitions_read"] = node.partitions_read;
    if (!node.conjuncts.empty()) entry["conjuncts"] = conjuncts_of(node);
    if (node.zones) entry["zones"] = zones_of(*node.zones);
    entry["peak_bytes"] = node.peak_bytes;
    nodes.append(entry);
  }
  return nodes;
}

}  // namespace

void register_execute(py::module_& module) {
  py::class_<Plan>(module, "Plan")
      .def(py::init(
               [](const py::dict& plan) { return std::make_unique<Plan>(Plan::compile(value_of(plan))); }),
           py::arg("plan"));
  py::class_<ExecuteResult>(module, "Result")
      .def_property_readonly("selection", [](const ExecuteResult& result) { return result.selection; })
      .def_property_readonly("source", &source_of)
      .def_property_readonly("columns", &columns_of)
      .def_property_readonly("statistics", &statistics_of)
      .def_readonly("peak_bytes", &ExecuteResult::peak_bytes);
  py::class_<HostCall>(module, "HostCall")
      .def_property_readonly("span", &place_of)
      .def("row", &HostCall::row, py::arg("number"));
  module.def("execute", &run, py::arg("plan"), py::arg("source"), py::kw_only(),
             py::arg("sources") = std::map<std::string, py::object>(),
             py::arg("functions") = std::map<std::string, py::object>(), py::arg("seed") = 0,
             py::arg("threads") = 0, py::arg("memory_limit") = py::none());
  module.def("kernel_names", &kernel_names);
  module.def("safe_kernels", &safe_kernels);
}

}  // namespace tql_engine::bindings
