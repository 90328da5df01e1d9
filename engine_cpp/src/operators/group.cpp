// GROUP BY: a row per combination of keys. What the columns of the groups do not ask for is not made: rows
// are listed by group only for columns that hold their values.
#include <algorithm>
#include <memory>
#include <utility>

#include "tql_engine/aggregate.h"
#include "tql_engine/execution.h"
#include "tql_engine/grouping.h"
#include "tql_engine/key_counts.h"

namespace tql_engine {
namespace {

bool holds(const Group& group, GroupColumn::Kind kind) noexcept {
  return std::any_of(group.columns.begin(), group.columns.end(),
                     [kind](const GroupColumn& column) { return column.kind == kind; });
}

HeapArray<int64_t> array_of(const std::vector<int64_t>& values) {
  HeapArray<int64_t> array(values.size());
  std::copy(values.begin(), values.end(), array.values().begin());
  return array;
}

Column sizes_column(HeapArray<int64_t> sizes) {
  auto kept = std::make_shared<const HeapArray<int64_t>>(std::move(sizes));
  const std::span<const int64_t> values = kept->values();
  return Column::dense(Element::kInt64, values.data(), static_cast<int64_t>(values.size_bytes()),
                       std::ssize(values), {}, {}, kept);
}

void set_sizes(const Group& group, const Column& sizes, GroupRows& rows) {
  for (size_t i = 0; i < group.columns.size(); ++i) {
    if (group.columns[i].kind == GroupColumn::Kind::kSize) rows.scalars.emplace(i, sizes);
  }
}

GroupRows rows_of(Execution& execution, const Group& group, std::span<const Column> keys,
                  std::span<const Column> values, int64_t size) {
  GroupRows rows;
  const bool lists = holds(group, GroupColumn::Kind::kValues);
  if (!lists && values.empty() && keys.size() == 1) {
    if (auto counted = count_keys(execution, keys.front())) {
      rows.count = static_cast<int64_t>(counted->firsts.size());
      rows.firsts = array_of(counted->firsts);
      set_sizes(group, sizes_column(array_of(counted->counts)), rows);
      return rows;
    }
  }
  std::vector<Key> parts;
  for (const Column& key : keys) parts.emplace_back(&key, 1);
  GroupWants wants;
  wants.firsts = holds(group, GroupColumn::Kind::kFirst);
  wants.sizes = holds(group, GroupColumn::Kind::kSize);
  wants.lists = lists;
  for (size_t i = 0; i < values.size(); ++i) {
    wants.aggregates.push_back(make_aggregate(group.aggregates[i].function, values[i]));
  }
  Groups groups = group_rows(execution, parts, size, std::move(wants));
  rows.count = groups.count;
  rows.firsts = std::move(groups.firsts);
  rows.order = std::move(groups.order);
  rows.offsets = std::move(groups.offsets);
  for (size_t i = 0; i < values.size(); ++i) {
    rows.scalars.emplace(group.aggregates[i].column, std::move(groups.aggregates[i]));
  }
  set_sizes(group, sizes_column(std::move(groups.sizes)), rows);
  return rows;
}

}  // namespace

Relation run_group(Execution& execution, const Group& group, const Relation& input) {
  std::vector<const Program*> programs;
  for (const Program& program : group.keys) programs.push_back(&program);
  for (const GroupAggregate& aggregate : group.aggregates) programs.push_back(&aggregate.program);
  const std::vector<Column> columns = evaluate_columns(execution, input, programs);
  const std::span<const Column> all(columns);
  GroupRows rows =
      rows_of(execution, group, all.first(group.keys.size()), all.subspan(group.keys.size()), input.size());
  const int64_t count = rows.count;
  auto source = std::make_shared<GroupSource>(execution.pool(), input, std::move(rows), group.columns);
  return {std::move(source), Selection::range(0, count), {}};
}

}  // namespace tql_engine
