// SELECT DISTINCT: the first row of each combination of keys. NULL equals NULL and NaN equals NaN here.
#include <utility>

#include "tql_engine/execution.h"
#include "tql_engine/grouping.h"

namespace tql_engine {

Relation run_distinct(Execution& execution, const Distinct& distinct, const Relation& input) {
  std::vector<const Program*> programs;
  for (const Program& program : distinct.keys) programs.push_back(&program);
  const std::vector<Column> columns = evaluate_columns(execution, input, programs);
  std::vector<Key> keys;
  for (const Column& column : columns) keys.emplace_back(&column, 1);
  GroupWants wants;
  wants.firsts = true;
  const Groups groups = group_rows(execution, keys, input.size(), std::move(wants));
  return input.select(groups.firsts.values(), execution.pool());
}

}  // namespace tql_engine
