// Nodes that make a source: join, group, ungroup, append.
#include <array>
#include <limits>

#include "plan_compiler.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kMaxNumber = std::numeric_limits<int64_t>::max();

[[noreturn]] void refuse(const std::string& message) { throw EngineError(Code::kInternal, message); }

/// Where a column comes from; `dict` has "from" and "column".
InputColumn parse_input(const Dict& dict, const Compiled& input) {
  const std::string& from = as_string(member(dict, "from"), "from");
  const InputColumn column{as_string(member(dict, "column"), "column"), from == "computed"};
  if (from != "source" && from != "computed") refuse("there is no column from '" + from + "'");
  if (column.computed && !input.computed.contains(column.name))
    refuse("no input computes '" + column.name + "'");
  if (!column.computed && input.columns && !input.columns->contains(column.name))
    refuse("no input makes a column '" + column.name + "'");
  return column;
}

MadeColumn parse_made(const Dict& dict, Ids& ids) {
  MadeColumn column{as_string(member(dict, "id"), "id"), parse_type(member(dict, "type"))};
  if (!ids.insert(column.id).second) refuse("two columns have the id '" + column.id + "'");
  return column;
}

void check_number(const MadeColumn& column) {
  if (column.type.element != Element::kInt64 || !column.type.is_scalar())
    refuse("column '" + column.id + "' must be an int64");
}

template <class T>
Compiled made(int64_t id, const Dict& dict, T op, Ids columns) {
  const int64_t number = as_int(member(dict, "made"), "made", 0, kMaxNumber);
  return {std::make_unique<const Node>(Node{id, std::move(op), number}), {}, std::move(columns)};
}

const List& columns_of(const Dict& dict) { return as_list(member(dict, "columns"), "columns"); }

void check_key(const Program& key) {
  if (!key.result_type().is_scalar() || key.result_type().nested)
    refuse("a key must give one scalar per row");
}

JoinKind parse_kind(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, JoinKind>, 5> kKinds{{{"inner", JoinKind::kInner},
                                                                         {"left", JoinKind::kLeft},
                                                                         {"right", JoinKind::kRight},
                                                                         {"full", JoinKind::kFull},
                                                                         {"cross", JoinKind::kCross}}};
  for (const auto& [known, kind] : kKinds) {
    if (known == name) return kind;
  }
  refuse("there is no join '" + name + "'");
}

bool is_true(const Dict& dict, std::string_view name) {
  const Value* value = find_member(dict, name);
  return value != nullptr && as_bool(*value, name);
}

AggregateFunction parse_aggregate(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, AggregateFunction>, 4> kFunctions{
      {{"sum", AggregateFunction::kSum},
       {"avg", AggregateFunction::kAverage},
       {"amin", AggregateFunction::kMin},
       {"amax", AggregateFunction::kMax}}};
  for (const auto& [known, function] : kFunctions) {
    if (known == name) return function;
  }
  refuse("groups have no aggregate '" + name + "'");
}

void check_aggregate(const GroupAggregate& aggregate, const MadeColumn& column) {
  const Type& type = aggregate.program.result_type();
  if (!type.is_scalar() || type.nested) refuse("an aggregate takes one scalar per row");
  const auto result = aggregate_result(aggregate.function, type.element);
  if (!result) refuse("column '" + column.id + "' aggregates " + std::string(element_name(type.element)));
  if (!column.type.is_scalar() || column.type.nested || column.type.element != *result)
    refuse("column '" + column.id + "' must be a scalar of " + std::string(element_name(*result)));
  const bool may_be_null = aggregate.function != AggregateFunction::kSum && type.nullable;
  if (may_be_null && !column.type.nullable) refuse("column '" + column.id + "' must be nullable");
}

Cutting parse_cutting(const Dict& dict) {
  const Value* parts = find_member(dict, "parts");
  const Value* lengths = find_member(dict, "lengths");
  if (int{is_true(dict, "split")} + int{parts != nullptr} + int{lengths != nullptr} != 1)
    refuse("there must be one of 'split', 'parts' and 'lengths'");
  Cutting cutting;
  if (parts != nullptr) {
    cutting.kind = Cutting::Kind::kParts;
    cutting.parts = as_int(*parts, "parts", 1, kMaxNumber);
  }
  if (lengths != nullptr) {
    cutting.kind = Cutting::Kind::kLengths;
    cutting.bounds.push_back(0);
    for (const Value& length : as_list(*lengths, "lengths")) {
      cutting.bounds.push_back(cutting.bounds.back() +
                               as_int(length, "lengths", 0, kMaxNumber - cutting.bounds.back()));
    }
  }
  return cutting;
}

UngroupColumn::Mode parse_mode(const std::string& name) {
  if (name == "element") return UngroupColumn::Mode::kElement;
  if (name == "part") return UngroupColumn::Mode::kPart;
  if (name == "repeat") return UngroupColumn::Mode::kRepeat;
  refuse("there is no mode '" + name + "'");
}

}  // namespace

Compiled PlanCompiler::join(int64_t id, const Dict& dict, std::vector<Compiled>& inputs) {
  Join join;
  join.kind = parse_kind(as_string(member(dict, "kind"), "kind"));
  const Value* const keys[] = {find_member(dict, "left_key"), find_member(dict, "right_key")};
  const bool has_keys = join.kind != JoinKind::kCross;
  if ((keys[0] != nullptr) != has_keys || (keys[1] != nullptr) != has_keys)
    refuse("a cross join has no keys, every other join has two");
  for (size_t side = 0; has_keys && side < 2; ++side) {
    join.keys.push_back(program(*keys[side], inputs[side]));
    check_key(join.keys.back());
  }
  if (has_keys && join.keys[0].result_type().element != join.keys[1].result_type().element)
    refuse("the keys of a join must be of one element kind");
  Ids ids;
  for (const Value& item : columns_of(dict)) {
    const Dict& column = as_dict(item, "columns");
    const std::string& side = as_string(member(column, "side"), "side");
    if (side != "left" && side != "right") refuse("there is no side '" + side + "'");
    const bool right = side == "right";
    const InputColumn input = parse_input(column, inputs[right ? 1 : 0]);
    join.columns.push_back({parse_made(column, ids), right, input});
  }
  const Compiled joined{nullptr, {}, ids};
  join.condition.conjuncts = conjuncts(dict, "conditions", joined);
  join.left = std::move(inputs[0].node);
  join.right = std::move(inputs[1].node);
  return made(id, dict, std::move(join), std::move(ids));
}

Compiled PlanCompiler::group(int64_t id, const Dict& dict, Compiled input) {
  Group group;
  group.keys = programs(dict, "keys", input);
  for (const Program& key : group.keys) check_key(key);
  Ids ids;
  for (const Value& item : columns_of(dict)) {
    const Dict& column = as_dict(item, "columns");
    GroupColumn parsed{parse_made(column, ids), GroupColumn::Kind::kValues, {}};
    if (as_string(member(column, "from"), "from") == "size") {
      parsed.kind = GroupColumn::Kind::kSize;
      check_number(parsed);
    } else {
      parsed.input = parse_input(column, input);
      if (is_true(column, "first")) {
        parsed.kind = GroupColumn::Kind::kFirst;
      } else if (parsed.type.is_scalar()) {
        refuse("column '" + parsed.id + "' of a group must have an axis");
      }
    }
    group.columns.push_back(std::move(parsed));
  }
  if (const Value* aggregates = find_member(dict, "aggregates"); aggregates != nullptr) {
    for (const Value& item : as_list(*aggregates, "aggregates")) {
      const Dict& column = as_dict(item, "aggregates");
      GroupColumn parsed{parse_made(column, ids), GroupColumn::Kind::kAggregate, {}};
      GroupAggregate aggregate{parse_aggregate(as_string(member(column, "function"), "function")),
                               program(member(column, "program"), input), group.columns.size()};
      check_aggregate(aggregate, parsed);
      group.columns.push_back(std::move(parsed));
      group.aggregates.push_back(std::move(aggregate));
    }
  }
  group.input = std::move(input.node);
  return made(id, dict, std::move(group), std::move(ids));
}

Compiled PlanCompiler::ungroup(int64_t id, const Dict& dict, Compiled input) {
  Ungroup ungroup;
  ungroup.cutting = parse_cutting(dict);
  bool cuts = false;
  Ids ids;
  for (const Value& item : columns_of(dict)) {
    const Dict& column = as_dict(item, "columns");
    UngroupColumn parsed{parse_made(column, ids), UngroupColumn::Mode::kPosition, {}};
    if (as_string(member(column, "from"), "from") == "position") {
      check_number(parsed);
    } else {
      parsed.input = parse_input(column, input);
      parsed.mode = parse_mode(as_string(member(column, "mode"), "mode"));
    }
    const bool element = parsed.mode == UngroupColumn::Mode::kElement;
    if (element && ungroup.cutting.kind != Cutting::Kind::kSplit)
      refuse("a row of several entries has no element '" + parsed.id + "'");
    cuts = cuts || element || parsed.mode == UngroupColumn::Mode::kPart;
    ungroup.columns.push_back(std::move(parsed));
  }
  if (!cuts) refuse("there is nothing to cut");
  ungroup.input = std::move(input.node);
  return made(id, dict, std::move(ungroup), std::move(ids));
}

Compiled PlanCompiler::append(int64_t id, const Dict& dict, std::vector<Compiled>& inputs) {
  Append append;
  append.distinct = as_bool(member(dict, "distinct"), "distinct");
  Ids ids;
  for (const Value& item : columns_of(dict)) {
    const Dict& column = as_dict(item, "columns");
    const InputColumn left = parse_input(as_dict(member(column, "left"), "left"), inputs[0]);
    const InputColumn right = parse_input(as_dict(member(column, "right"), "right"), inputs[1]);
    append.columns.push_back({parse_made(column, ids), left, right});
  }
  append.left = std::move(inputs[0].node);
  append.right = std::move(inputs[1].node);
  return made(id, dict, std::move(append), std::move(ids));
}

}  // namespace tql_engine
