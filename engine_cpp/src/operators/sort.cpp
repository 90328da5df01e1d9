// ORDER BY: the keys as columns, then the positions in their order.
#include "tql_engine/sort.h"

#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {

Relation run_sort(Execution& execution, const Sort& sort, const Relation& input) {
  std::vector<const Program*> programs;
  for (const Program& key : sort.keys) programs.push_back(&key);
  const std::vector<Column> columns = evaluate_columns(execution, input, programs);
  std::vector<SortKey> keys;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Column& column = columns[i];
    const bool single = column.is_text() || (column.layout() == Layout::kDense && column.row_elements() == 1);
    if (!single && column.length() > 0) {
      throw EngineError(Code::kInternal, "a sort key gave no single value per row");
    }
    if (column.length() > 0) keys.push_back({column, sort.descending[i]});
  }
  // Of each row its code and position, once more to merge into, and then the position alone.
  constexpr int64_t kSortBytes = 40;
  const bool all = !sort.fetch || *sort.fetch >= input.size();
  const Reservation sorting(all ? input.size() * kSortBytes : 0);
  const std::vector<int64_t> positions =
      sort_positions(keys, input.size(), sort.fetch.value_or(-1), execution.pool());
  return input.select(positions, execution.pool());
}

}  // namespace tql_engine
