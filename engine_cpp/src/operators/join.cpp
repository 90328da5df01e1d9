// Joins: the pairs of rows with equal keys, those of them that meet the conditions, and the rows without a
// pair.
#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"
#include "tql_engine/matching.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kGrain = 1 << 16;
constexpr int64_t kConditionPairs = 1 << 19;  // pairs that the conditions see at a time
constexpr int64_t kPairBytes = 64;            // of such a pair, with its keys and positions
constexpr int64_t kNone = -1;

[[noreturn]] void refuse_pairs(const Join& join, int64_t pairs) {
  throw EngineError(Code::kValue,
                    "the join gives more than " + std::to_string(kMaxMadeRows) +
                        " rows; add a condition that leaves fewer pairs: " + std::to_string(pairs),
                    -1, join.keys.empty() ? Span{} : join.keys.front().span());
}

/// Pairs in the order of the left rows. With `outer` a left row without partner has one pair, with nothing.
template <class Matched>
class PairList {
 public:
  PairList(Execution& execution, const Join& join, const Matched& matches, int64_t left, bool outer)
      : matches_(matches), outer_(outer), starts_(static_cast<size_t>((left - 1) / kStep + 2)) {
    const auto steps = static_cast<int64_t>(starts_.size()) - 1;
    std::atomic<bool> too_many = false;
    execution.parallel_for(steps, kGrain / kStep, [&](int64_t begin, int64_t end, int) {
      for (int64_t step = begin; step < end; ++step) {
        int64_t total = 0;
        for (int64_t row = step * kStep; row < std::min(left, (step + 1) * kStep); ++row) {
          if (__builtin_add_overflow(total, count(row), &total)) too_many.store(true);
        }
        starts_[static_cast<size_t>(step)] = total;
      }
    });
    int64_t total = 0;
    for (int64_t& start : starts_) {
      if (__builtin_add_overflow(total, std::exchange(start, total), &total)) too_many.store(true);
    }
    if (too_many.load()) refuse_pairs(join, std::numeric_limits<int64_t>::max());
  }

  int64_t size() const noexcept { return starts_.back(); }

  /// Writes pairs [begin, end).
  void write(int64_t begin, int64_t end, int64_t* left, int64_t* right) const noexcept {
    const int64_t step = std::upper_bound(starts_.begin(), starts_.end(), begin) - starts_.begin() - 1;
    int64_t row = step * kStep;
    int64_t skipped = begin - starts_[static_cast<size_t>(step)];  // pairs before the first one
    for (; skipped >= count(row); ++row) skipped -= count(row);
    for (int64_t written = begin; written < end; ++row) {
      const int64_t partners = matches_.count(row);
      if (partners == 0) {
        if (!outer_) continue;
        *left++ = row;
        *right++ = kNone;
        ++written;
        continue;
      }
      const int64_t stop = std::min(partners, skipped + end - written);
      written += stop - skipped;
      for (; skipped < stop; ++skipped) {
        *left++ = row;
        *right++ = matches_.partner(row, skipped);
      }
      skipped = 0;
    }
  }

 private:
  static constexpr int64_t kStep = 1 << 12;

  int64_t count(int64_t row) const noexcept {
    const int64_t partners = matches_.count(row);
    return outer_ && partners == 0 ? 1 : partners;
  }

  const Matched& matches_;
  bool outer_;
  std::vector<int64_t> starts_;  // the first pair of every kStep rows, and the end
};

/// Growing lists of pairs.
struct Found {
  CountedVector<int64_t> left;
  CountedVector<int64_t> right;

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

template <class Matched>
JoinPairs all_pairs(Execution& execution, const Join& join, const Matched& matches, int64_t left_rows) {
  const PairList list(execution, join, matches, left_rows, keeps_left(join.kind));
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
template <class Matched>
Found passing_pairs(Execution& execution, const Join& join, const Matched& matches, const Relation& left,
                    const Relation& right) {
  const PairList list(execution, join, matches, left.size(), false);
  Found found;
  for (int64_t begin = 0, end = 0; begin < list.size(); begin = end) {
    execution.check_interrupt();
    end = std::min(list.size(), begin + memory_share(kConditionPairs * kPairBytes) / kPairBytes);
    const auto count = static_cast<size_t>(end - begin);
    JoinPairs pairs{HeapArray<int64_t>(count), HeapArray<int64_t>(count)};
    list.write(begin, end, pairs.left.values().data(), pairs.right.values().data());
    const CountedVector<int64_t> left_rows(pairs.left.values().begin(), pairs.left.values().end());
    const CountedVector<int64_t> right_rows(pairs.right.values().begin(), pairs.right.values().end());
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
  if (join.keys.empty()) return AllMatches(right.size());
  const Program* const left_key[] = {&join.keys[0]};
  const Program* const right_key[] = {&join.keys[1]};
  return match_rows(execution, evaluate_columns(execution, left, left_key).front(),
                    evaluate_columns(execution, right, right_key).front());
}

JoinPairs pairs_of(Execution& execution, const Join& join, const Matches& matches, const Relation& left,
                   const Relation& right) {
  JoinPairs pairs;
  if (join.condition.conjuncts.empty()) {
    pairs =
        std::visit([&](const auto& some) { return all_pairs(execution, join, some, left.size()); }, matches);
  } else {
    Found found = std::visit(
        [&](const auto& some) { return passing_pairs(execution, join, some, left, right); }, matches);
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
