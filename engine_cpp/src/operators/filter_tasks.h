// The work of one thread in a filter over a range of a source: some rows through one stage.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "conjunct_order.h"
#include "filter_bits.h"
#include "range_filter.h"
#include "task_bits.h"
#include "tql_engine/execution.h"
#include "zone_pruner.h"

namespace tql_engine {

using Clock = std::chrono::steady_clock;

inline int64_t nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

/// Rows that one worker takes through a stage.
struct FilterTask {
  size_t part;
  RowRange rows;
  RowBlock block;
  int64_t passed = 0;
};

/// Takes tasks through stages, from any thread: two tasks share no row.
class TaskFilter {
 public:
  using Measured = std::vector<std::vector<ConjunctStatistics>>;  // per worker and conjunct

  /// All of these belong to the filter, and outlive this.
  TaskFilter(const Condition& condition, const ConjunctEvaluators& evaluators, const ZonePruner& pruner,
             FilterBits& bits, Measured& measured)
      : condition_(condition), evaluators_(evaluators), pruner_(pruner), bits_(bits), measured_(measured) {}

  /// Leaves the bits of the rows that pass; returns how many these are.
  ///
  /// @param segments per conjunct of the stage and part of the wave
  /// @param first    whether no stage went before, so that no bit of the rows is set yet
  int64_t run(const FilterTask& task, const Stage& stage, const std::vector<std::vector<Segment>>& segments,
              bool first, size_t worker);

 private:
  std::optional<int64_t> run_in_place(const FilterTask& task, size_t j, const Segment& segment,
                                      size_t worker);
  void measure_zone_of(const FilterTask& task, size_t j, const Segment& segment) const;
  int64_t test(size_t j, const Segment& segment, RowRange rows, bool fresh, TaskBits& bits, size_t worker);

  const Condition& condition_;
  const ConjunctEvaluators& evaluators_;
  const ZonePruner& pruner_;
  FilterBits& bits_;
  Measured& measured_;
};

}  // namespace tql_engine
