// Aggregates over groups of rows, without listing the rows of each group.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tql_engine/column.h"
#include "tql_engine/types.h"

namespace tql_engine {

class Execution;

enum class AggregateFunction : uint8_t { kSum, kAverage, kMin, kMax };

/// The element of the result over scalars of this element; nothing where the function does not take them.
std::optional<Element> aggregate_result(AggregateFunction function, Element element) noexcept;

/// One scalar per group. NULL is left out; the average, the smallest and the largest of nothing is NULL.
/// Integers wrap around; floats add up in double. `ids`: the group of each row, below `groups`.
///
/// The answer is the same for every number of threads: rows are added in their order, up to 4096 groups
/// within blocks of 2^18 rows whose sums are added in their order.
Column aggregate_groups(Execution& execution, AggregateFunction function, const Column& values,
                        std::span<const int64_t> ids, int64_t groups);

}  // namespace tql_engine
