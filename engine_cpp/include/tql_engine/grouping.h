// Rows with equal keys: GROUP BY and DISTINCT.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tql_engine/aggregate.h"
#include "tql_engine/column.h"
#include "tql_engine/heap_array.h"

namespace tql_engine {

class Execution;

/// One key of every row: values of one element kind, in pieces that lie one behind the other.
using Key = std::span<const Column>;

/// What is wanted of the groups.
struct GroupWants {
  bool firsts = false;
  bool sizes = false;
  bool lists = false;
  std::vector<std::unique_ptr<Aggregate>> aggregates;
};

/// Groups in order of first appearance. What was not wanted is empty.
struct Groups {
  int64_t count = 0;
  HeapArray<int64_t> firsts;  // the first row of each, ascending
  HeapArray<int64_t> sizes;
  HeapArray<int64_t> order;    // rows, group after group, ascending within each
  HeapArray<int64_t> offsets;  // [count + 1], where each begins
  std::vector<Column> aggregates;
};

/// Groups rows by their keys; without keys all rows are one group. NULL is one value and NaN is one, 0.0
/// equals -0.0; arrays are equal if their shapes and elements are.
///
/// The answer is the same for every number of threads: floats of a group are added in the order of the rows;
/// for up to 16384 groups within blocks of 2^18 rows, whose sums are added in their order.
Groups group_rows(Execution& execution, std::span<const Key> keys, int64_t rows, GroupWants wants);

/// A key is one scalar per row.
bool is_scalar_key(const Column& column) noexcept;

}  // namespace tql_engine
