// Ranking by cost per dropped row is the order of least expected cost for independent predicates: J. M.
// Hellerstein and M. Stonebraker, "Predicate migration", SIGMOD 1993.
#include "conjunct_order.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace tql_engine {
namespace {

constexpr int64_t kEnoughRows = 1 << 12;  // what fewer rows cost says little
constexpr double kMargin = 1.3;           // two that are about equal stay where they are
constexpr double kLeastDropped = 1e-3;

/// Nanoseconds per dropped row.
double rank(const ConjunctStatistics& measured) noexcept {
  const double kept = static_cast<double>(measured.rows_out) / static_cast<double>(measured.rows_in);
  const double cost = static_cast<double>(measured.nanoseconds) / static_cast<double>(measured.rows_tested);
  return cost / std::max(1.0 - kept, kLeastDropped);
}

}  // namespace

ConjunctOrder::ConjunctOrder(const Condition& condition)
    : condition_(condition), order_(condition.conjuncts.size()), measured_(condition.conjuncts.size()) {
  std::iota(order_.begin(), order_.end(), size_t{0});
  while (movable_ < order_.size() && !condition.conjuncts[movable_].may_fail()) ++movable_;
  make_stages();
}

void ConjunctOrder::make_stages() {
  stages_.clear();
  const auto columns = [&](size_t j) -> const std::vector<ColumnRef>& {
    return condition_.conjuncts[j].inputs().columns;
  };
  const auto goes_with = [&](size_t j, size_t before) {
    return condition_.conjuncts[j].mask() && condition_.conjuncts[before].mask() &&
           std::ranges::all_of(columns(j), [&](const ColumnRef& ref) {
             return std::ranges::any_of(columns(before),
                                        [&](const ColumnRef& other) { return same_column(ref, other); });
           });
  };
  for (const size_t j : order_) {
    if (!stages_.empty() && goes_with(j, stages_.back().front())) {
      stages_.back().push_back(j);
    } else {
      stages_.push_back({j});
    }
  }
}

void ConjunctOrder::add(size_t conjunct, const ConjunctStatistics& measured) noexcept {
  ConjunctStatistics& sum = measured_[conjunct];
  sum.rows_in += measured.rows_in;
  sum.rows_out += measured.rows_out;
  sum.rows_tested += measured.rows_tested;
  sum.nanoseconds += measured.nanoseconds;
}

void ConjunctOrder::improve() {
  if (!is_movable()) return;
  bool changed = false;
  const auto is_better = [&](size_t j, size_t than) {
    if (std::min(measured_[j].rows_in, measured_[than].rows_in) < kEnoughRows) return false;
    return rank(measured_[j]) * kMargin < rank(measured_[than]);
  };
  // Neighbours change places: a margin is no order that a sort could work with.
  for (size_t pass = 1; pass < movable_; ++pass) {
    for (size_t i = 0; i + pass < movable_; ++i) {
      if (!is_better(order_[i + 1], order_[i])) continue;
      std::swap(order_[i], order_[i + 1]);
      changed = true;
    }
  }
  if (changed) make_stages();
}

std::vector<ConjunctStatistics> ConjunctOrder::statistics() const {
  std::vector<ConjunctStatistics> result = measured_;
  for (size_t place = 0; place < order_.size(); ++place) {
    result[order_[place]].place = static_cast<int64_t>(place);
  }
  return result;
}

}  // namespace tql_engine
