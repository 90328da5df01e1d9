// From plain data to compiled nodes. A plan may come from anywhere, so nothing in it is taken on trust.
#include "tql_engine/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "plan_compiler.h"
#include "tql_engine/stack.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int kMaxDepth = 2500;
constexpr int kStackCheck = 100;  // levels between two looks at the stack
constexpr int64_t kMaxRows = std::numeric_limits<int64_t>::max();

std::optional<int64_t> optional_rows(const Dict& dict, std::string_view name) {
  const Value* value = find_member(dict, name);
  if (value == nullptr) return std::nullopt;
  return as_int(*value, name, 0, kMaxRows);
}

Count parse_count(const Dict& dict) {
  Count count{optional_rows(dict, "count"), std::nullopt};
  if (const Value* percent = find_member(dict, "percent")) {
    count.percent = as_double(*percent, "percent");
    if (!std::isfinite(*count.percent) || *count.percent < 0) {
      throw EngineError(Code::kInternal, "'percent' must be finite and not negative");
    }
  }
  return count;
}

template <class T>
Compiled with_node(Compiled input, int64_t id, T op) {
  input.node = std::make_unique<const Node>(Node{id, std::move(op), std::nullopt});
  return input;
}

bool takes_two(const std::string& op) { return op == "set_op" || op == "join" || op == "append"; }

}  // namespace

const Value* find_member(const Dict& dict, std::string_view name) {
  const auto found = dict.find(name);
  return found == dict.end() || found->second.is_null() ? nullptr : &found->second;
}

Compiled PlanCompiler::node(const Value& value, int depth) {
  const Dict& dict = as_dict(value, "node");
  if (depth > kMaxDepth ||
      (depth % kStackCheck == kStackCheck - 1 && !stack_has(kStackCheck * kStackPerLevel))) {
    throw EngineError(Code::kInternal, "the plan is nested too deeply");
  }
  depth_ = std::max(depth_, depth);
  const int64_t id = as_int(member(dict, "id"), "id", 0, kMaxRows);
  const std::string& op = as_string(member(dict, "op"), "op");
  if (!node_ids_.insert(id).second)
    throw EngineError(Code::kInternal, "two nodes have the id " + std::to_string(id));
  std::vector<Compiled> inputs;  // outside of the try: an input names itself
  const char* const names[] = {"input", "left", "right"};
  for (const char* name : names) {
    if (const Value* input = find_member(dict, name)) inputs.push_back(node(*input, depth + 1));
  }
  try {
    return build(id, op, dict, std::move(inputs));
  } catch (const EngineError& error) {
    throw EngineError(error.code(), "node " + std::to_string(id) + " (" + op + "): " + error.message());
  }
}

Compiled PlanCompiler::build(int64_t id, const std::string& op, const Dict& dict,
                             std::vector<Compiled> inputs) {
  const size_t wanted = op == "scan" ? 0 : takes_two(op) ? 2 : 1;
  const bool named = op == "scan" || find_member(dict, takes_two(op) ? "left" : "input") != nullptr;
  if (inputs.size() != wanted || !named) throw EngineError(Code::kInternal, "wrong inputs");
  if (op == "scan") {
    Scan scan;
    if (const Value* source = find_member(dict, "source")) scan.source = as_string(*source, "source");
    return with_node({}, id, std::move(scan));
  }
  if (op == "set_op") return set_op(id, dict, inputs);
  if (op == "join") return join(id, dict, inputs);
  if (op == "append") return append(id, dict, inputs);
  Compiled in = std::move(inputs[0]);
  if (op == "project") return project(id, dict, std::move(in));
  if (op == "expand") return expand(id, dict, std::move(in));
  if (op == "group") return group(id, dict, std::move(in));
  if (op == "ungroup") return ungroup(id, dict, std::move(in));
  if (op == "filter") {
    Condition condition{conjuncts(dict, "conjuncts", in), optional_rows(dict, "fetch")};
    Filter filter{std::move(in.node), std::move(condition)};
    return with_node(std::move(in), id, std::move(filter));
  }
  if (op == "sort") {
    Sort sort{nullptr, {}, {}, optional_rows(dict, "fetch")};
    for (const Value& item : as_list(member(dict, "keys"), "keys")) {
      const Dict& key = as_dict(item, "keys");
      sort.keys.push_back(program(member(key, "program"), in));
      sort.descending.push_back(as_bool(member(key, "descending"), "descending"));
    }
    sort.input = std::move(in.node);
    return with_node(std::move(in), id, std::move(sort));
  }
  if (op == "limit") {
    const Value* offset = find_member(dict, "offset");
    const int64_t skip = offset == nullptr ? 0 : as_int(*offset, "offset", 0, kMaxRows);
    Limit limit{std::move(in.node), skip, parse_count(dict)};
    return with_node(std::move(in), id, std::move(limit));
  }
  if (op == "sample") {
    Program weight = program(member(dict, "weight"), in);
    if (!is_numeric(weight.result_type().element) || !weight.result_type().is_scalar()) {
      throw EngineError(Code::kInternal, "a weight must be one number per row");
    }
    const bool replace = as_bool(member(dict, "replace"), "replace");
    Sample sample{std::move(in.node), std::move(weight), replace, parse_count(dict)};
    return with_node(std::move(in), id, std::move(sample));
  }
  if (op == "distinct") {
    Distinct distinct{nullptr, programs(dict, "keys", in)};
    distinct.input = std::move(in.node);
    return with_node(std::move(in), id, std::move(distinct));
  }
  if (op == "bm25") {
    Bm25 bm25{std::move(in.node), as_string(member(dict, "computes"), "computes"),
              as_string(member(dict, "column"), "column"), as_string(member(dict, "query"), "query")};
    if (!in.computed.insert(bm25.id).second) {
      throw EngineError(Code::kInternal, "two computed columns have the id '" + bm25.id + "'");
    }
    if (in.columns && !in.columns->contains(bm25.column)) {
      throw EngineError(Code::kInternal, "no input makes a column '" + bm25.column + "'");
    }
    return with_node(std::move(in), id, std::move(bm25));
  }
  if (op == "vector_search") {
    VectorSearch search{std::move(in.node),
                        as_string(member(dict, "column"), "column"),
                        as_string(member(dict, "metric"), "metric"),
                        {},
                        as_int(member(dict, "count"), "count", 1, kMaxRows)};
    if (in.columns && !in.columns->contains(search.column))
      throw EngineError(Code::kInternal, "no input makes a column '" + search.column + "'");
    for (const Value& number : as_list(member(dict, "query"), "query"))
      search.query.push_back(as_double(number, "query"));
    return with_node(std::move(in), id, std::move(search));
  }
  throw EngineError(Code::kInternal, "there is no such operator");
}

Compiled PlanCompiler::set_op(int64_t id, const Dict& dict, std::vector<Compiled>& inputs) {
  const std::string& name = as_string(member(dict, "kind"), "kind");
  if (name != "union" && name != "intersect" && name != "except") {
    throw EngineError(Code::kInternal, "there is no set operation '" + name + "'");
  }
  const SetOpKind kind = name == "union"       ? SetOpKind::kUnion
                         : name == "intersect" ? SetOpKind::kIntersect
                                               : SetOpKind::kExcept;
  const SetOp op{kind, as_bool(member(dict, "all"), "all"), as_bool(member(dict, "ordered"), "ordered")};
  Ids ids;
  for (const std::string& candidate : inputs[0].computed) {
    if (inputs[1].computed.contains(candidate)) ids.insert(candidate);
  }
  Combine combine{std::move(inputs[0].node), std::move(inputs[1].node), op};
  return with_node({nullptr, std::move(ids), std::move(inputs[0].columns)}, id, std::move(combine));
}

Compiled PlanCompiler::project(int64_t id, const Dict& dict, Compiled input) {
  Project project{nullptr, {}, {}};
  Ids added;
  for (const Value& item : as_list(member(dict, "columns"), "columns")) {
    const Dict& column = as_dict(item, "columns");
    const std::string& name = as_string(member(column, "id"), "id");
    if (input.computed.contains(name) || !added.insert(name).second) {
      throw EngineError(Code::kInternal, "two computed columns have the id '" + name + "'");
    }
    project.ids.push_back(name);
    project.programs.push_back(program(member(column, "program"), input));
  }
  input.computed.merge(added);
  project.input = std::move(input.node);
  return with_node(std::move(input), id, std::move(project));
}

Compiled PlanCompiler::expand(int64_t id, const Dict& dict, Compiled input) {
  Expand expand;
  expand.condition.conjuncts = conjuncts(dict, "conjuncts", input);
  expand.before = as_int(member(dict, "before"), "before", 0, kMaxRows);
  expand.after = as_int(member(dict, "after"), "after", 0, kMaxRows);
  expand.overlap = as_bool(member(dict, "overlap"), "overlap");
  if (const Value* name = find_member(dict, "computes")) expand.id = as_string(*name, "computes");
  if (expand.id && !input.computed.insert(*expand.id).second) {
    throw EngineError(Code::kInternal, "two computed columns have the id '" + *expand.id + "'");
  }
  expand.input = std::move(input.node);
  return with_node(std::move(input), id, std::move(expand));
}

Program PlanCompiler::program(const Value& value, const Compiled& input) {
  constexpr int kProgramBits = 32;  // random streams: the upper half numbers programs, the lower instructions
  Program compiled = Program::compile(as_dict(value, "program"), next_program_++ << kProgramBits);
  for (const std::string& id : compiled.inputs().computed) {
    if (!input.computed.contains(id)) throw EngineError(Code::kInternal, "no input computes '" + id + "'");
  }
  std::vector<std::string> names;
  for (const ColumnRef& ref : compiled.inputs().columns) names.push_back(ref.name);
  for (const CellRef& cell : compiled.inputs().cells) names.push_back(cell.column.name);
  for (const std::string& name : names) {
    if (input.columns && !input.columns->contains(name))
      throw EngineError(Code::kInternal, "no input makes a column '" + name + "'");
  }
  return compiled;
}

std::vector<Program> PlanCompiler::programs(const Dict& dict, std::string_view name, const Compiled& input) {
  std::vector<Program> compiled;
  for (const Value& item : as_list(member(dict, name), name)) compiled.push_back(program(item, input));
  return compiled;
}

std::vector<Program> PlanCompiler::conjuncts(const Dict& dict, std::string_view name, const Compiled& input) {
  std::vector<Program> compiled = programs(dict, name, input);
  for (const Program& conjunct : compiled) {
    if (conjunct.result_type().element != Element::kBool || !conjunct.result_type().is_scalar()) {
      throw EngineError(Code::kInternal, "a conjunct must give one bool per row");
    }
  }
  return compiled;
}

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
    const Value* id = find_member(column, "column");
    const std::string& computed = id == nullptr ? name : as_string(*id, "column");
    if (!root.computed.contains(computed))
      throw EngineError(Code::kInternal, "no node computes '" + computed + "'");
    plan.output_.emplace_back(name, computed);
  }
  return plan;
}

}  // namespace tql_engine
