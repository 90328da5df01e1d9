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
#include "tql_engine/positions.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kGrain = 1 << 16;
constexpr int64_t kConditionPairs = 1 << 19;  // pairs that the conditions see at a time
constexpr int64_t kPairBytes = 64;            // of such a pair, with its keys and positions

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
  template <class Row>
  void write(int64_t begin, int64_t end, Row* left, Row* right) const noexcept {
    const int64_t step = std::upper_bound(starts_.begin(), starts_.end(), begin) - starts_.begin() - 1;
    int64_t row = step * kStep;
    int64_t skipped = begin - starts_[static_cast<size_t>(step)];  // pairs before the first one
    for (; skipped >= count(row); ++row) skipped -= count(row);
    for (int64_t written = begin; written < end; ++row) {
      const int64_t partners = matches_.count(row);
      if (partners == 0) {
        if (!outer_) continue;
        *left++ = static_cast<Row>(row);
        *right++ = kMissing<Row>;
        ++written;
        continue;
      }
      const int64_t stop = std::min(partners, skipped + end - written);
      written += stop - skipped;
      for (; skipped < stop; ++skipped) {
        *left++ = static_cast<Row>(row);
        *right++ = static_cast<Row>(matches_.partner(row, skipped));
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
template <class Row>
struct Found {
  CountedVector<Row> left;
  CountedVector<Row> right;

  JoinPairs finish() && { return {list_of(std::move(left)), list_of(std::move(right))}; }

 private:
  static PositionList list_of(CountedVector<Row> rows) {
    HeapArray<Row> list(rows.size());
    std::copy(rows.begin(), rows.end(), list.values().begin());
    return PositionList(std::move(list));
  }
};

bool keeps_left(JoinKind kind) noexcept { return kind == JoinKind::kLeft || kind == JoinKind::kFull; }
bool keeps_right(JoinKind kind) noexcept { return kind == JoinKind::kRight || kind == JoinKind::kFull; }

template <class Row, class Matched>
JoinPairs all_pairs(Execution& execution, const Join& join, const Matched& matches, int64_t left_rows) {
  const PairList list(execution, join, matches, left_rows, keeps_left(join.kind));
  const int64_t total = list.size();
  if (total > kMaxMadeRows) refuse_pairs(join, total);
  HeapArray<Row> left(static_cast<size_t>(total));
  HeapArray<Row> right(static_cast<size_t>(total));
  execution.parallel_for(total, kGrain, [&](int64_t begin, int64_t end, int) {
    list.write(begin, end, left.values().data() + begin, right.values().data() + begin);
  });
  return {PositionList(std::move(left)), PositionList(std::move(right))};
}

/// The pairs where no left row has several partners. Where every one has one, or none is dropped, what was
/// found is the right side as it is.
template <class Row>
JoinPairs single_pairs(Execution& execution, const Join& join, RowMatches<Row>& matches, int64_t left_rows) {
  constexpr int64_t kStep = 1 << 12;
  const Row* found = matches.found().data();
  std::vector<int64_t> starts(static_cast<size_t>((left_rows + kStep - 1) / kStep) + 1);
  const auto steps = std::ssize(starts) - 1;
  execution.parallel_for(steps, kGrain / kStep, [&](int64_t begin, int64_t end, int) {
    for (int64_t step = begin; step < end; ++step) {
      const int64_t last = std::min(left_rows, (step + 1) * kStep);
      int64_t count = 0;
      for (int64_t row = step * kStep; row < last; ++row) count += found[row] != kMissing<Row> ? 1 : 0;
      starts[static_cast<size_t>(step)] = count;
    }
  });
  int64_t total = 0;
  for (int64_t& start : starts) total += std::exchange(start, total);
  const bool every = keeps_left(join.kind) || total == left_rows;
  const int64_t pairs = every ? left_rows : total;
  if (pairs > kMaxMadeRows) refuse_pairs(join, pairs);
  if (every) return {PositionList::all(left_rows), PositionList(matches.release())};
  HeapArray<Row> left(static_cast<size_t>(total));
  HeapArray<Row> right(static_cast<size_t>(total));
  execution.parallel_for(steps, kGrain / kStep, [&](int64_t begin, int64_t end, int) {
    Row lefts[kStep];
    Row rights[kStep];
    for (int64_t step = begin; step < end; ++step) {
      const int64_t last = std::min(left_rows, (step + 1) * kStep);
      int64_t count = 0;
      for (int64_t row = step * kStep; row < last; ++row) {
        lefts[count] = static_cast<Row>(row);
        rights[count] = found[row];
        count += found[row] != kMissing<Row> ? 1 : 0;
      }
      std::copy_n(lefts, count, left.values().data() + starts[static_cast<size_t>(step)]);
      std::copy_n(rights, count, right.values().data() + starts[static_cast<size_t>(step)]);
    }
  });
  return {PositionList(std::move(left)), PositionList(std::move(right))};
}

/// The pairs for which the conditions are true, some at a time.
template <class Row, class Matched>
Found<Row> passing_pairs(Execution& execution, const Join& join, const Matched& matches, const Relation& left,
                         const Relation& right) {
  const PairList list(execution, join, matches, left.size(), false);
  Found<Row> found;
  for (int64_t begin = 0, end = 0; begin < list.size(); begin = end) {
    execution.check_interrupt();
    end = std::min(list.size(), begin + memory_share(kConditionPairs * kPairBytes) / kPairBytes);
    const auto count = static_cast<size_t>(end - begin);
    HeapArray<Row> lefts(count);
    HeapArray<Row> rights(count);
    list.write(begin, end, lefts.values().data(), rights.values().data());
    JoinPairs pairs{PositionList(std::move(lefts)), PositionList(std::move(rights))};
    const auto source =
        std::make_shared<JoinSource>(execution.pool(), left, right, std::move(pairs), join.columns);
    const Relation candidates{source, Selection::range(0, end - begin), {}};
    for (const int64_t pair : passing_positions(execution, join.condition, candidates)) {
      found.left.push_back(static_cast<Row>(source->pairs().left.at(pair)));
      found.right.push_back(static_cast<Row>(source->pairs().right.at(pair)));
    }
    const auto pairs_found = static_cast<int64_t>(found.left.size());
    if (pairs_found > kMaxMadeRows) refuse_pairs(join, pairs_found);
  }
  return found;
}

/// The pairs, and each left row that has none in its place.
template <class Row>
Found<Row> with_unmatched_left(Execution& execution, const Found<Row>& found, int64_t left) {
  Found<Row> merged;
  size_t next = 0;
  for (int64_t row = 0; row < left; ++row) {
    if (row % kGrain == 0) execution.check_interrupt();
    const auto number = static_cast<Row>(row);
    if (next == found.left.size() || found.left[next] != number) {
      merged.left.push_back(number);
      merged.right.push_back(kMissing<Row>);
    }
    for (; next < found.left.size() && found.left[next] == number; ++next) {
      merged.left.push_back(number);
      merged.right.push_back(found.right[next]);
    }
  }
  return merged;
}

/// The right rows that are in no pair.
template <class Row>
CountedVector<Row> unmatched_right(Execution& execution, int64_t right, const PositionList& paired) {
  HeapArray<uint8_t> seen = HeapArray<uint8_t>::zeroed(static_cast<size_t>(right));
  uint8_t* flags = seen.values().data();
  execution.parallel_for(paired.size(), kGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = paired.at(i);
      if (row >= 0) __atomic_store_n(flags + row, uint8_t{1}, __ATOMIC_RELAXED);
    }
  });
  CountedVector<Row> rows;
  for (int64_t row = 0; row < right; ++row) {
    if (flags[row] == 0) rows.push_back(static_cast<Row>(row));
  }
  return rows;
}

/// The pairs, then the right rows that are in none.
template <class Row>
JoinPairs with_unmatched_right(Execution& execution, const Join& join, JoinPairs pairs, int64_t right) {
  const CountedVector<Row> rest = unmatched_right<Row>(execution, right, pairs.right);
  if (rest.empty()) return pairs;
  const int64_t count = pairs.left.size();
  const int64_t total = count + std::ssize(rest);
  if (total > kMaxMadeRows) refuse_pairs(join, total);
  const auto extended = [&](const PositionList& rows) {
    HeapArray<Row> list(static_cast<size_t>(total));
    Row* to = list.values().data();
    execution.parallel_for(count, kGrain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) to[i] = static_cast<Row>(rows.at(i));
    });
    return list;
  };
  HeapArray<Row> lefts = extended(pairs.left);
  HeapArray<Row> rights = extended(pairs.right);
  std::fill_n(lefts.values().begin() + count, rest.size(), kMissing<Row>);
  std::copy(rest.begin(), rest.end(), rights.values().begin() + count);
  return {PositionList(std::move(lefts)), PositionList(std::move(rights))};
}

Matches matches_of(Execution& execution, const Join& join, const Relation& left, const Relation& right) {
  if (join.keys.empty()) return AllMatches(right.size());
  const Program* const left_key[] = {&join.keys[0]};
  const Program* const right_key[] = {&join.keys[1]};
  return match_rows(execution, evaluate_columns(execution, left, left_key).front(),
                    evaluate_columns(execution, right, right_key).front());
}

/// Row: in which both sides can be counted.
template <class Row>
JoinPairs pairs_in(Execution& execution, const Join& join, Matches& matches, const Relation& left,
                   const Relation& right) {
  JoinPairs pairs;
  auto* single = std::get_if<RowMatches<Row>>(&matches);
  if (!join.condition.conjuncts.empty()) {
    Found<Row> found = std::visit(
        [&](const auto& some) { return passing_pairs<Row>(execution, join, some, left, right); }, matches);
    if (keeps_left(join.kind)) found = with_unmatched_left(execution, found, left.size());
    pairs = std::move(found).finish();
  } else if (single != nullptr && single->is_unique()) {
    pairs = single_pairs(execution, join, *single, left.size());
  } else {
    pairs = std::visit([&](const auto& some) { return all_pairs<Row>(execution, join, some, left.size()); },
                       matches);
  }
  if (!keeps_right(join.kind)) return pairs;
  return with_unmatched_right<Row>(execution, join, std::move(pairs), right.size());
}

JoinPairs pairs_of(Execution& execution, const Join& join, Matches matches, const Relation& left,
                   const Relation& right) {
  if (std::holds_alternative<RowMatches<int64_t>>(matches) || !fits_32_bits(left.size()) ||
      !fits_32_bits(right.size())) {
    return pairs_in<int64_t>(execution, join, matches, left, right);
  }
  return pairs_in<uint32_t>(execution, join, matches, left, right);
}

}  // namespace

Relation run_join(Execution& execution, const Join& join, const Relation& left, const Relation& right) {
  std::shared_ptr<JoinSource> source;
  if (join.keys.empty() && join.condition.conjuncts.empty() && join.kind == JoinKind::kCross) {
    int64_t pairs = 0;
    if (__builtin_mul_overflow(left.size(), right.size(), &pairs))
      pairs = std::numeric_limits<int64_t>::max();
    if (pairs > kMaxMadeRows) refuse_pairs(join, pairs);
    source = std::make_shared<JoinSource>(execution.pool(), left, right, join.columns);
  } else {
    JoinPairs pairs = pairs_of(execution, join, matches_of(execution, join, left, right), left, right);
    source = std::make_shared<JoinSource>(execution.pool(), left, right, std::move(pairs), join.columns);
  }
  const int64_t rows = source->num_rows();
  return {std::move(source), Selection::range(0, rows), {}};
}

}  // namespace tql_engine
