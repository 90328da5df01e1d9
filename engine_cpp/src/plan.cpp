// From plain data to compiled nodes. A plan may come from anywhere, so nothing in it is taken on trust.
#include "tql_engine/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tql_engine/stack.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int kMaxDepth = 2500;
constexpr int kStackCheck = 100;  // levels between two looks at the stack
constexpr int64_t kMaxRows = std::numeric_limits<int64_t>::max();

/// The columns that a node's answer carries, to check references at compile time.
using Ids = std::set<std::string, std::less<>>;

struct Compiled {
  NodePtr node;
  Ids ids;
};

const Value* find(const Dict& dict, std::string_view name) {
  const auto found = dict.find(name);
  return found == dict.end() || found->second.is_null() ? nullptr : &found->second;
}

std::optional<int64_t> optional_rows(const Dict& dict, std::string_view name) {
  const Value* value = find(dict, name);
  if (value == nullptr) return std::nullopt;
  return as_int(*value, name, 0, kMaxRows);
}

Count parse_count(const Dict& dict) {
  Count count{optional_rows(dict, "count"), std::nullopt};
  if (const Value* percent = find(dict, "percent")) {
    count.percent = as_double(*percent, "percent");
    if (!std::isfinite(*count.percent) || *count.percent < 0) {
      throw EngineError(Code::kInternal, "'percent' must be finite and not negative");
    }
  }
  return count;
}

class PlanCompiler {
 public:
  Compiled node(const Value& value, int depth) {
    const Dict& dict = as_dict(value, "node");
    if (depth > kMaxDepth ||
        (depth % kStackCheck == kStackCheck - 1 && !stack_has(kStackCheck * kStackPerLevel))) {
      throw EngineError(Code::kInternal, "the plan is nested too deeply");
    }
    depth_ = std::max(depth_, depth);
    const int64_t id = as_int(member(dict, "id"), "id", 0, kMaxRows);
    const std::string& op = as_string(member(dict, "op"), "op");
    if (!ids_.insert(id).second)
      throw EngineError(Code::kInternal, "two nodes have the id " + std::to_string(id));
    std::vector<Compiled> inputs;  // outside of the try: an input names itself
    const char* const names[] = {"input", "left", "right"};
    for (const char* name : names) {
      if (const Value* input = find(dict, name)) inputs.push_back(node(*input, depth + 1));
    }
    try {
      return build(id, op, dict, std::move(inputs));
    } catch (const EngineError& error) {
      throw EngineError(error.code(), "node " + std::to_string(id) + " (" + op + "): " + error.message());
    }
  }

  int depth() const noexcept { return depth_; }

 private:
  Compiled build(int64_t id, const std::string& op, const Dict& dict, std::vector<Compiled> inputs) {
    const size_t wanted = op == "scan" ? 0 : op == "set_op" ? 2 : 1;
    const bool named = op == "scan" || find(dict, op == "set_op" ? "left" : "input") != nullptr;
    if (inputs.size() != wanted || !named) throw EngineError(Code::kInternal, "wrong inputs");
    if (op == "scan") {
      const Value* source = find(dict, "source");
      Scan scan;
      if (source != nullptr) scan.source = as_string(*source, "source");
      return {make(id, std::move(scan)), {}};
    }
    if (op == "set_op") return set_op(id, dict, inputs);
    NodePtr input = std::move(inputs[0].node);
    Ids ids = std::move(inputs[0].ids);
    if (op == "filter") {
      Filter filter{std::move(input), programs(dict, "conjuncts", ids), optional_rows(dict, "fetch")};
      for (const Program& conjunct : filter.conjuncts) {
        if (conjunct.result_type().element != Element::kBool || !conjunct.result_type().is_scalar()) {
          throw EngineError(Code::kInternal, "a conjunct must give one bool per row");
        }
      }
      return {make(id, std::move(filter)), std::move(ids)};
    }
    if (op == "sort") {
      Sort sort{std::move(input), {}, {}, optional_rows(dict, "fetch")};
      for (const Value& item : as_list(member(dict, "keys"), "keys")) {
        const Dict& key = as_dict(item, "keys");
        sort.keys.push_back(program(member(key, "program"), ids));
        sort.descending.push_back(as_bool(member(key, "descending"), "descending"));
      }
      return {make(id, std::move(sort)), std::move(ids)};
    }
    if (op == "limit") {
      const Value* offset = find(dict, "offset");
      const int64_t skip = offset == nullptr ? 0 : as_int(*offset, "offset", 0, kMaxRows);
      return {make(id, Limit{std::move(input), skip, parse_count(dict)}), std::move(ids)};
    }
    if (op == "sample") {
      Program weight = program(member(dict, "weight"), ids);
      if (!is_numeric(weight.result_type().element) || !weight.result_type().is_scalar()) {
        throw EngineError(Code::kInternal, "a weight must be one number per row");
      }
      const bool replace = as_bool(member(dict, "replace"), "replace");
      return {make(id, Sample{std::move(input), std::move(weight), replace, parse_count(dict)}),
              std::move(ids)};
    }
    if (op == "distinct") {
      return {make(id, Distinct{std::move(input), programs(dict, "keys", ids)}), std::move(ids)};
    }
    if (op == "project") return project(id, dict, std::move(input), std::move(ids));
    if (op == "bm25") {
      Bm25 bm25{std::move(input), as_string(member(dict, "computes"), "computes"),
                as_string(member(dict, "column"), "column"), as_string(member(dict, "query"), "query")};
      if (!ids.insert(bm25.id).second) {
        throw EngineError(Code::kInternal, "two computed columns have the id '" + bm25.id + "'");
      }
      return {make(id, std::move(bm25)), std::move(ids)};
    }
    throw EngineError(Code::kInternal, "there is no such operator");
  }

  Compiled set_op(int64_t id, const Dict& dict, std::vector<Compiled>& inputs) {
    const std::string& name = as_string(member(dict, "kind"), "kind");
    if (name != "union" && name != "intersect" && name != "except") {
      throw EngineError(Code::kInternal, "there is no set operation '" + name + "'");
    }
    const SetOpKind kind = name == "union"       ? SetOpKind::kUnion
                           : name == "intersect" ? SetOpKind::kIntersect
                                                 : SetOpKind::kExcept;
    const SetOp op{kind, as_bool(member(dict, "all"), "all"), as_bool(member(dict, "ordered"), "ordered")};
    Ids ids;
    for (const std::string& candidate : inputs[0].ids) {
      if (inputs[1].ids.contains(candidate)) ids.insert(candidate);
    }
    return {make(id, Combine{std::move(inputs[0].node), std::move(inputs[1].node), op}), std::move(ids)};
  }

  Compiled project(int64_t id, const Dict& dict, NodePtr input, Ids ids) {
    Project project{std::move(input), {}, {}};
    Ids added;
    for (const Value& item : as_list(member(dict, "columns"), "columns")) {
      const Dict& column = as_dict(item, "columns");
      const std::string& name = as_string(member(column, "id"), "id");
      if (ids.contains(name) || !added.insert(name).second) {
        throw EngineError(Code::kInternal, "two computed columns have the id '" + name + "'");
      }
      project.ids.push_back(name);
      project.programs.push_back(program(member(column, "program"), ids));
    }
    ids.merge(added);
    return {make(id, std::move(project)), std::move(ids)};
  }

  Program program(const Value& value, const Ids& ids) {
    constexpr int kProgramBits =
        32;  // random streams: the upper half numbers programs, the lower instructions
    Program compiled = Program::compile(as_dict(value, "program"), next_program_++ << kProgramBits);
    for (const std::string& id : compiled.inputs().computed) {
      if (!ids.contains(id)) throw EngineError(Code::kInternal, "no input computes '" + id + "'");
    }
    return compiled;
  }

  std::vector<Program> programs(const Dict& dict, std::string_view name, const Ids& ids) {
    std::vector<Program> compiled;
    for (const Value& item : as_list(member(dict, name), name)) compiled.push_back(program(item, ids));
    return compiled;
  }

  template <class T>
  static NodePtr make(int64_t id, T op) {
    return std::make_unique<const Node>(Node{id, std::move(op)});
  }

  std::set<int64_t> ids_;
  int depth_ = 0;
  uint64_t next_program_ = 0;
};

}  // namespace

int64_t Count::of(int64_t rows_in) const noexcept {
  if (percent) {
    const double wanted = std::floor(static_cast<double>(rows_in) * *percent / 100.0);
    return wanted >= 0x1p62 ? int64_t{1} << 62 : static_cast<int64_t>(wanted);
  }
  return rows ? *rows : rows_in;
}

Plan Plan::compile(const Value& value) {
  const Dict& dict = as_dict(value, "plan");
  if (as_int(member(dict, "tql_plan"), "tql_plan", 1, kMaxRows) != 1) {
    throw EngineError(Code::kInternal, "this engine reads plans of version 1");
  }
  PlanCompiler compiler;
  Compiled root = compiler.node(member(dict, "root"), 0);
  Plan plan;
  plan.depth_ = compiler.depth();
  plan.root_ = std::move(root.node);
  for (const Value& item : as_list(member(dict, "output"), "output")) {
    const Dict& column = as_dict(item, "output");
    const std::string& name = as_string(member(column, "name"), "name");
    const std::string& from = as_string(member(column, "from"), "from");
    if (from == "source") continue;
    if (from != "computed") throw EngineError(Code::kInternal, "there is no column from '" + from + "'");
    const Value* id = find(column, "column");
    const std::string& computed = id == nullptr ? name : as_string(*id, "column");
    if (!root.ids.contains(computed))
      throw EngineError(Code::kInternal, "no node computes '" + computed + "'");
    plan.output_.emplace_back(name, computed);
  }
  return plan;
}

}  // namespace tql_engine
