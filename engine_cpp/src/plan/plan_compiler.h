// Compiles the nodes of a plan, inputs first; plan.cpp has most of them, made_nodes.cpp those that make a
// source.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tql_engine/plan.h"

namespace tql_engine {

/// Names of columns, to check references at compile time.
using Ids = std::set<std::string, std::less<>>;

/// A node and the columns that its answer has.
struct Compiled {
  NodePtr node;
  Ids computed;
  std::optional<Ids> columns;  // of the source of its rows, if the plan made it
};

/// The member of a dict, null where it is missing or null.
const Value* find_member(const Dict& dict, std::string_view name);

class PlanCompiler {
 public:
  Compiled node(const Value& value, int depth);
  /// Levels of the deepest node so far.
  int depth() const noexcept { return depth_; }

 private:
  Compiled build(int64_t id, const std::string& op, const Dict& dict, std::vector<Compiled> inputs);
  Compiled set_op(int64_t id, const Dict& dict, std::vector<Compiled>& inputs);
  Compiled project(int64_t id, const Dict& dict, Compiled input);
  Compiled expand(int64_t id, const Dict& dict, Compiled input);
  Compiled join(int64_t id, const Dict& dict, std::vector<Compiled>& inputs);
  Compiled group(int64_t id, const Dict& dict, Compiled input);
  Compiled ungroup(int64_t id, const Dict& dict, Compiled input);
  Compiled append(int64_t id, const Dict& dict, std::vector<Compiled>& inputs);

  /// A program over the columns of a node's answer.
  Program program(const Value& value, const Compiled& input);
  std::vector<Program> programs(const Dict& dict, std::string_view name, const Compiled& input);
  std::vector<Program> conjuncts(const Dict& dict, std::string_view name, const Compiled& input);

  std::set<int64_t> node_ids_;
  int depth_ = 0;
  uint64_t next_program_ = 0;
};

}  // namespace tql_engine
