// Rows with equal keys: what GROUP BY, DISTINCT and the equality of a join have in common.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/heap_array.h"

namespace tql_engine {

class Execution;

/// One key of every row: scalars of one element kind, in pieces that lie one behind the other.
using Key = std::span<const Column>;

struct Groups {
  HeapArray<int64_t> ids;  // per row: its group, numbered in order of first appearance
  int64_t count = 0;
};

/// Groups rows by one or more keys. NULL is one value and NaN is one, 0.0 equals -0.0. The answer does not
/// depend on the number of threads. Throws EngineError(kInternal) for keys that are no scalars.
Groups group_rows(Execution& execution, std::span<const Key> keys, int64_t rows);

struct GroupOrder {
  HeapArray<int64_t> order;    // rows, group after group, ascending within each
  HeapArray<int64_t> offsets;  // [groups + 1], where each begins
};

/// `ids`: the group of each row, below `groups`.
GroupOrder order_by_group(Execution& execution, std::span<const int64_t> ids, int64_t groups);

/// The first row of each group, ascending.
std::vector<int64_t> first_rows(const Groups& groups);

/// A key is one scalar per row.
bool is_scalar_key(const Column& column) noexcept;

}  // namespace tql_engine
