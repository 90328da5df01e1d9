// ORDER BY: the keys as columns, then the positions in their order.
#include "tql_engine/sort.h"

#include <algorithm>

#include "../sort/top_k.h"
#include "row_scan.h"
#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// Whether the first rows can be found while the key is computed: the code of a row and its position say
/// everything about it. A column that is in memory anyway has a faster way, and for so many rows that they
/// are a good part of all it would cost more than a column of keys.
bool is_streamed(const Sort& sort, const Relation& input, int threads) {
  constexpr int64_t kFraction = 8;
  if (!sort.fetch || sort.keys.size() != 1 || *sort.fetch <= 0) return false;
  if (*sort.fetch > input.size() / (kFraction * threads)) return false;
  const Program& key = sort.keys.front();
  const Type& type = key.result_type();
  const bool is_at_hand = key.as_plain_column() != nullptr && input.source->in_memory();
  return type.is_scalar() && has_exact_codes(type.element, true) && !is_at_hand;
}

std::vector<int64_t> first_positions(Execution& execution, const Sort& sort, const Relation& input) {
  const Program* const key = &sort.keys.front();
  TopK top(key->result_type().element, sort.descending.front(), EntryLess(), *sort.fetch,
           execution.threads());
  visit_columns(execution, input, {&key, 1},
                [&](std::span<const Column> columns, int64_t position, int worker) {
                  const Column& values = columns.front();
                  if (values.rank() != 0) {
                    throw EngineError(Code::kInternal, "a sort key gave no single value per row");
                  }
                  top.add(values, 0, values.length(), position, worker);
                });
  std::vector<int64_t> positions;
  for (const Entry& entry : top.finish(execution.pool())) positions.push_back(entry.row);
  return positions;
}

std::vector<int64_t> sorted_positions(Execution& execution, const Sort& sort, const Relation& input) {
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
  const bool all = !sort.fetch || *sort.fetch >= input.size();
  const Reservation positions(all ? input.size() * static_cast<int64_t>(sizeof(int64_t)) : 0);
  return sort_positions(keys, input.size(), sort.fetch.value_or(-1), execution.pool());
}

}  // namespace

Relation run_sort(Execution& execution, const Sort& sort, const Relation& input) {
  const bool streamed = is_streamed(sort, input, execution.threads());
  const std::vector<int64_t> positions =
      streamed ? first_positions(execution, sort, input) : sorted_positions(execution, sort, input);
  return input.select(positions, execution.pool());
}

}  // namespace tql_engine
