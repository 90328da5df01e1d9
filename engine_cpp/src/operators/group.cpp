// GROUP BY: a row per combination of keys, whose columns are read when somebody asks for them.
#include <memory>
#include <utility>

#include "tql_engine/execution.h"
#include "tql_engine/grouping.h"

namespace tql_engine {

Relation run_group(Execution& execution, const Group& group, const Relation& input) {
  std::vector<const Program*> programs;
  for (const Program& program : group.keys) programs.push_back(&program);
  const std::vector<Column> columns = evaluate_columns(execution, input, programs);
  std::vector<Key> keys;
  for (const Column& column : columns) keys.emplace_back(&column, 1);
  const Groups groups = group_rows(execution, keys, input.size());
  GroupOrder sorted = order_by_group(execution, groups.ids.values(), groups.count);
  auto source =
      std::make_shared<GroupSource>(input, std::move(sorted.order), std::move(sorted.offsets), group.columns);
  return {std::move(source), Selection::range(0, groups.count), {}};
}

}  // namespace tql_engine
