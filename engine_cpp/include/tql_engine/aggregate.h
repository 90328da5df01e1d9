// Aggregates over groups of rows, without listing the rows of each group.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "tql_engine/column.h"
#include "tql_engine/types.h"

namespace tql_engine {

enum class AggregateFunction : uint8_t { kSum, kAverage, kMin, kMax };

/// The element of the result over scalars of this element; nothing where the function does not take them.
std::optional<Element> aggregate_result(AggregateFunction function, Element element) noexcept;

/// What an aggregate knows of some groups so far.
class AggregateStates {
 public:
  virtual ~AggregateStates() = default;
  /// Makes room for groups below `groups`, which are never fewer than before.
  virtual void resize(size_t groups) = 0;
  /// Forgets all rows, and makes room for groups below `groups`.
  virtual void reset(size_t groups) = 0;
  /// Adds rows [first, first + n) in their order; `groups`: that of each.
  virtual void add(const uint32_t* groups, int64_t first, int64_t n) noexcept = 0;
  /// Adds these rows in this order.
  virtual void add(const uint32_t* groups, const int64_t* rows, int64_t n) noexcept = 0;
  /// Adds what others know of later rows; `groups`: which of these each of theirs is.
  virtual void merge(const AggregateStates& later, const uint32_t* groups) noexcept = 0;
};

/// An aggregate of one column. NULL is left out; the average, the smallest and the largest of nothing is
/// NULL. Integers wrap around; floats add up in double, in the order of the calls.
class Aggregate {
 public:
  virtual ~Aggregate() = default;
  virtual std::unique_ptr<AggregateStates> states() const = 0;
  /// Makes room for the results of so many groups.
  virtual void reserve(int64_t groups) = 0;
  /// Writes the results; `groups`: where that of each state goes, below what was reserved. Threads may write
  /// different groups at a time.
  virtual void write(const AggregateStates& states, const int64_t* groups) noexcept = 0;
  /// One scalar per group, once all are written.
  virtual Column finish() = 0;
};

/// Throws EngineError(kInternal) for values that are not one number per row, or that the function does not
/// take. Keeps the column.
std::unique_ptr<Aggregate> make_aggregate(AggregateFunction function, const Column& values);

}  // namespace tql_engine
