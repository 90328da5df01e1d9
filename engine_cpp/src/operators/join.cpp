// Joins. The keys of both sides are grouped together, so that equal keys have one number; the right rows of
// each number are listed, and every left row meets the list of its own.
#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "tql_engine/execution.h"
#include "tql_engine/grouping.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kGrain = 1 << 16;
constexpr int64_t kConditionPairs = 1 << 19;  // pairs that the conditions see at a time
constexpr int64_t kNone = -1;

[[noreturn]] void refuse_pairs(const Join& join, int64_t pairs) {
  throw EngineError(Code::kValue,
                    "the join gives more than " + std::to_string(kMaxMadeRows) +
                        " rows; add a condition that leaves fewer pairs: " + std::to_string(pairs),
                    -1, join.keys.empty() ? Span{} : join.keys.front().span());
}

/// NULL and NaN match nothing.
bool can_match(const Column& keys, int64_t row) noexcept {
  if (keys.is_null(row)) return false;
  switch (keys.element()) {
    case Element::kFloat16: {
      const float value = half_to_float(keys.values<Half>()[row]);
      return value == value;
    }
    case Element::kFloat32:
      return keys.values<float>()[row] == keys.values<float>()[row];
    case Element::kFloat64:
      return keys.values<double>()[row] == keys.values<double>()[row];
    default:
      return true;
  }
}

/// For every left row the right rows whose key is equal, as runs of one list.
class Matches {
 public:
  /// All pairs.
  Matches(int64_t left, int64_t right) : left_(left), right_(right), all_(true) {}

  Matches(Execution& execution, const Column& left, const Column& right)
      : left_(left.length()), right_(right.length()), all_(false) {
    const std::array<Column, 2> pieces{right, left};
    const Key key(pieces);
    Groups groups = group_rows(execution, {&key, 1}, left_ + right_);
    const std::span<int64_t> ids = groups.ids.values();
    const auto right_ids = ids.first(static_cast<size_t>(right_));
    // The right rows come first, so their groups have the lowest numbers.
    const int64_t count = right_ == 0 ? 0 : *std::max_element(right_ids.begin(), right_ids.end()) + 1;
    listed_ = order_by_group(execution, right_ids, count);
    int64_t* mine = ids.data() + right_;
    execution.parallel_for(left_, kGrain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        if (mine[row] >= count || !can_match(left, row)) mine[row] = kNone;
      }
    });
    ids_ = std::move(groups.ids);
  }

  int64_t left() const noexcept { return left_; }
  int64_t right() const noexcept { return right_; }

  int64_t count(int64_t row) const noexcept {
    if (all_) return right_;
    const int64_t group = group_of(row);
    return group == kNone ? 0 : offsets()[group + 1] - offsets()[group];
  }

  int64_t partner(int64_t row, int64_t which) const noexcept {
    return all_ ? which : std::as_const(listed_.order).values().data()[offsets()[group_of(row)] + which];
  }

 private:
  int64_t group_of(int64_t row) const noexcept { return ids_.values().data()[right_ + row]; }
  const int64_t* offsets() const noexcept { return std::as_const(listed_.offsets).values().data(); }

  int64_t left_;
  int64_t right_;
  bool all_;
  HeapArray<int64_t> ids_;
  GroupOrder listed_;
};

/// Pairs in the order of the left rows: the pairs of row l are starts[l] .. starts[l + 1] - 1. With `outer` a
/// left row without partner has one pair, with nothing.
class PairList {
 public:
  PairList(Execution& execution, const Join& join, const Matches& matches, bool outer)
      : matches_(matches), starts_(static_cast<size_t>(matches.left()) + 1) {
    int64_t* starts = starts_.values().data();
    execution.parallel_for(matches.left(), kGrain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t count = matches.count(row);
        starts[row] = outer && count == 0 ? 1 : count;
      }
    });
    int64_t total = 0;
    for (int64_t row = 0; row < matches.left(); ++row) {
      const int64_t count = std::exchange(starts[row], total);
      if (__builtin_add_overflow(total, count, &total)) refuse_pairs(join, kMaxRows);
    }
    starts[matches.left()] = total;
  }

  int64_t size() const noexcept { return starts_.values().back(); }

  /// Writes pairs [begin, end).
  void write(int64_t begin, int64_t end, int64_t* left, int64_t* right) const {
    const std::span<const int64_t> starts = starts_.values();
    int64_t row = std::upper_bound(starts.begin(), starts.end(), begin) - starts.begin() - 1;
    for (int64_t pair = begin; pair < end; ++row) {
      const int64_t first = starts[static_cast<size_t>(row)];
      const int64_t stop = std::min(end, starts[static_cast<size_t>(row) + 1]);
      const bool alone = matches_.count(row) == 0;
      for (; pair < stop; ++pair) {
        *left++ = row;
        *right++ = alone ? kNone : matches_.partner(row, pair - first);
      }
    }
  }

 private:
  static constexpr int64_t kMaxRows = std::numeric_limits<int64_t>::max();

  const Matches& matches_;
  HeapArray<int64_t> starts_;
};

/// Growing lists of pairs.
struct Found {
  std::vector<int64_t> left;
  std::vector<int64_t> right;

  JoinPairs finish() && {
    JoinPairs pairs{HeapArray<int64_t>(left.size()), HeapArray<int64_t>(right.size())};
    std::copy(left.begin(), left.end(), pairs.left.values().begin());
    std::copy(right.begin(), right.end(), pairs.right.values().begin());
    return pairs;
  }
};

bool keeps_left(JoinKind kind) noexcept { return kind == JoinKind::kLeft || kind == JoinKind::kFull; }
bool keeps_right(JoinKind kind) noexcept { return kind == JoinKind::kRight || kind == JoinKind::kFull; }

/// The right rows that are in no pair.
std::vector<int64_t> unmatched_right(Execution& execution, int64_t right, std::span<const int64_t> paired) {
  HeapArray<uint8_t> seen = HeapArray<uint8_t>::zeroed(static_cast<size_t>(right));
  uint8_t* flags = seen.values().data();
  execution.parallel_for(static_cast<int64_t>(paired.size()), kGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = paired[static_cast<size_t>(i)];
      if (row != kNone) __atomic_store_n(flags + row, uint8_t{1}, __ATOMIC_RELAXED);
    }
  });
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < right; ++row) {
    if (flags[row] == 0) rows.push_back(row);
  }
  return rows;
}

JoinPairs all_pairs(Execution& execution, const Join& join, const Matches& matches) {
  const PairList list(execution, join, matches, keeps_left(join.kind));
  const int64_t total = list.size();
  if (total > kMaxMadeRows) refuse_pairs(join, total);
  JoinPairs pairs{HeapArray<int64_t>(static_cast<size_t>(total)),
                  HeapArray<int64_t>(static_cast<size_t>(total))};
  int64_t* left = pairs.left.values().data();
  int64_t* right = pairs.right.values().data();
  execution.parallel_for(total, kGrain, [&](int64_t begin, int64_t end, int) {
    list.write(begin, end, left + begin, right + begin);
  });
  return pairs;
}

/// The pairs for which the conditions are true, some at a time.
Found passing_pairs(Execution& execution, const Join& join, const Matches& matches, const Relation& left,
                    const Relation& right) {
  const PairList list(execution, join, matches, false);
  Found found;
  for (int64_t begin = 0; begin < list.size(); begin += kConditionPairs) {
    execution.check_interrupt();
    const int64_t end = std::min(list.size(), begin + kConditionPairs);
    const auto count = static_cast<size_t>(end - begin);
    JoinPairs pairs{HeapArray<int64_t>(count), HeapArray<int64_t>(count)};
    list.write(begin, end, pairs.left.values().data(), pairs.right.values().data());
    std::vector<int64_t> left_rows(pairs.left.values().begin(), pairs.left.values().end());
    std::vector<int64_t> right_rows(pairs.right.values().begin(), pairs.right.values().end());
    const Relation candidates{std::make_shared<JoinSource>(left, right, std::move(pairs), join.columns),
                              Selection::range(0, end - begin),
                              {}};
    for (const int64_t pair : passing_positions(execution, join.condition, candidates)) {
      found.left.push_back(left_rows[static_cast<size_t>(pair)]);
      found.right.push_back(right_rows[static_cast<size_t>(pair)]);
    }
    const auto pairs_found = static_cast<int64_t>(found.left.size());
    if (pairs_found > kMaxMadeRows) refuse_pairs(join, pairs_found);
  }
  return found;
}

/// The pairs, and each left row that has none in its place.
Found with_unmatched_left(const Found& found, int64_t left) {
  Found merged;
  size_t next = 0;
  for (int64_t row = 0; row < left; ++row) {
    if (next == found.left.size() || found.left[next] != row) {
      merged.left.push_back(row);
      merged.right.push_back(kNone);
    }
    for (; next < found.left.size() && found.left[next] == row; ++next) {
      merged.left.push_back(row);
      merged.right.push_back(found.right[next]);
    }
  }
  return merged;
}

/// The pairs, then the right rows that are in none.
JoinPairs with_unmatched_right(Execution& execution, const Join& join, JoinPairs pairs, int64_t right) {
  const std::vector<int64_t> rest = unmatched_right(execution, right, std::as_const(pairs.right).values());
  if (rest.empty()) return pairs;
  const size_t count = pairs.left.values().size();
  if (static_cast<int64_t>(count + rest.size()) > kMaxMadeRows) {
    refuse_pairs(join, static_cast<int64_t>(count + rest.size()));
  }
  JoinPairs all{HeapArray<int64_t>(count + rest.size()), HeapArray<int64_t>(count + rest.size())};
  std::copy_n(pairs.left.values().begin(), count, all.left.values().begin());
  std::copy_n(pairs.right.values().begin(), count, all.right.values().begin());
  std::fill_n(all.left.values().begin() + static_cast<int64_t>(count), rest.size(), kNone);
  std::copy(rest.begin(), rest.end(), all.right.values().begin() + static_cast<int64_t>(count));
  return all;
}

Matches matches_of(Execution& execution, const Join& join, const Relation& left, const Relation& right) {
  if (join.keys.empty()) return Matches(left.size(), right.size());
  const Program* const left_key[] = {&join.keys[0]};
  const Program* const right_key[] = {&join.keys[1]};
  return Matches(execution, evaluate_columns(execution, left, left_key).front(),
                 evaluate_columns(execution, right, right_key).front());
}

JoinPairs pairs_of(Execution& execution, const Join& join, const Matches& matches, const Relation& left,
                   const Relation& right) {
  JoinPairs pairs;
  if (join.condition.conjuncts.empty()) {
    pairs = all_pairs(execution, join, matches);
  } else {
    Found found = passing_pairs(execution, join, matches, left, right);
    if (keeps_left(join.kind)) found = with_unmatched_left(found, left.size());
    pairs = std::move(found).finish();
  }
  if (!keeps_right(join.kind)) return pairs;
  return with_unmatched_right(execution, join, std::move(pairs), right.size());
}

}  // namespace

Relation run_join(Execution& execution, const Join& join, const Relation& left, const Relation& right) {
  std::shared_ptr<JoinSource> source;
  if (join.keys.empty() && join.condition.conjuncts.empty() && join.kind == JoinKind::kCross) {
    int64_t pairs = 0;
    if (__builtin_mul_overflow(left.size(), right.size(), &pairs))
      pairs = std::numeric_limits<int64_t>::max();
    if (pairs > kMaxMadeRows) refuse_pairs(join, pairs);
    source = std::make_shared<JoinSource>(left, right, join.columns);
  } else {
    const Matches matches = matches_of(execution, join, left, right);
    source = std::make_shared<JoinSource>(left, right, pairs_of(execution, join, matches, left, right),
                                          join.columns);
  }
  const int64_t rows = source->num_rows();
  return {std::move(source), Selection::range(0, rows), {}};
}

}  // namespace tql_engine
