// In which order the conjuncts of a filter are asked: as the planner put them to begin with, then by what
// they were measured to cost per row that they drop.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tql_engine/execution.h"

namespace tql_engine {

/// Conjuncts that go together over a block of rows while it is in the cache: neighbours that run as bits and
/// read the same columns.
using Stage = std::vector<size_t>;

class ConjunctOrder {
 public:
  explicit ConjunctOrder(const Condition& condition);

  std::span<const Stage> stages() const noexcept { return stages_; }

  /// Adds what a worker found out about a conjunct: `rows_in` rows were to be tested, `rows_out` passed.
  void add(size_t conjunct, const ConjunctStatistics& measured) noexcept;
  /// Orders those that can't fail by cost per dropped row. The rows that pass all of them do not depend on
  /// it.
  void improve();

  /// Whether there is something to order.
  bool is_movable() const noexcept { return movable_ > 1; }
  /// Per conjunct, in the order of the plan.
  std::vector<ConjunctStatistics> statistics() const;

 private:
  void make_stages();

  const Condition& condition_;
  size_t movable_ = 0;  // so many of the first can't fail
  std::vector<size_t> order_;
  std::vector<Stage> stages_;
  std::vector<ConjunctStatistics> measured_;
};

}  // namespace tql_engine
