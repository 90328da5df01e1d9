#include "tql_engine/grouping.h"

#include <array>

#include "few_groups.h"
#include "key_codes.h"
#include "many_groups.h"
#include "tql_engine/execution.h"

namespace tql_engine {

bool is_scalar_key(const Column& column) noexcept {
  return column.is_text() || (column.layout() == Layout::kDense && column.row_elements() == 1);
}

Groups group_rows(Execution& execution, std::span<const Key> keys, int64_t rows, GroupWants wants) {
  if (rows == 0) {
    Groups none;
    if (wants.lists) none.offsets = HeapArray<int64_t>::zeroed(1);
    for (const auto& aggregate : wants.aggregates) {
      aggregate->reserve(0);
      none.aggregates.push_back(aggregate->finish());
    }
    return none;
  }
  const KeyCodes codes(execution, keys, rows);
  if (auto groups = few_groups(execution, codes, rows, wants)) return std::move(*groups);
  return many_groups(execution, codes, rows, wants);
}

}  // namespace tql_engine
