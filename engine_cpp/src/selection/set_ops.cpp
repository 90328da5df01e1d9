// Two ways to the same answer: whole words of bitmaps where rows are a set and stay in storage order, and
// sorted groups of equal rows for everything else.
#include "tql_engine/set_ops.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "tql_engine/counted_vector.h"
#include "tql_engine/parallel_sort.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

constexpr int64_t kMorsel = 1 << 14;

uint64_t combine_words(SetOpKind kind, uint64_t left, uint64_t right) noexcept {
  switch (kind) {
    case SetOpKind::kUnion:
      return left | right;
    case SetOpKind::kIntersect:
      return left & right;
    case SetOpKind::kExcept:
      break;
  }
  return left & ~right;
}

Selection combine_bitmaps(SetOpKind kind, const Selection& left, const Selection& right, ThreadPool& pool) {
  const int64_t bound = std::max(left.row_bound(), right.row_bound());
  Bitmap result = left.to_bitmap(bound);
  const Bitmap other = right.to_bitmap(bound);
  const std::span<uint64_t> words = result.words();
  const std::span<const uint64_t> other_words = other.words();
  std::atomic<int64_t> count{0};
  pool.parallel_for(static_cast<int64_t>(words.size()), kMorsel, [&](int64_t begin, int64_t end, int) {
    int64_t rows = 0;
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      words[i] = combine_words(kind, words[i], other_words[i]);
      rows += std::popcount(words[i]);
    }
    count.fetch_add(rows, std::memory_order_relaxed);
  });
  return Selection::from_bitmap(std::move(result), count.load());
}

struct Item {
  int64_t row;
  Origin origin;
};

/// Left before right, each in order of position.
bool origin_less(Origin a, Origin b) noexcept {
  if ((a < 0) != (b < 0)) return a >= 0;
  return a >= 0 ? a < b : a > b;
}

bool item_less(const Item& a, const Item& b) noexcept {
  return a.row != b.row ? a.row < b.row : origin_less(a.origin, b.origin);
}

CountedVector<Item> items_of(const Selection& selection, bool right, ThreadPool& pool) {
  const std::span<const int64_t> rows = selection.indices(&pool);
  CountedVector<Item> items(rows.size());
  pool.parallel_for(selection.size(), kMorsel, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      items[static_cast<size_t>(i)] = {rows[static_cast<size_t>(i)], right ? ~i : i};
  });
  if (!selection.ascending()) parallel_sort(pool, items, item_less);
  return items;
}

/// Which items of a group of equal rows remain: [first, last) of its left items, followed by its right ones.
std::pair<size_t, size_t> remaining(const SetOp& op, size_t left, size_t right) noexcept {
  switch (op.kind) {
    case SetOpKind::kUnion:
      return {0, op.all ? left + right : 1};
    case SetOpKind::kIntersect: {
      const size_t matched = std::min(left, right);
      return {0, op.all ? matched : std::min<size_t>(matched, 1)};
    }
    case SetOpKind::kExcept:
      break;
  }
  if (op.all) return {std::min(left, right), left};
  return {0, right == 0 ? 1 : 0};
}

CountedVector<Item> combine_groups(const SetOp& op, const Selection& left, const Selection& right,
                                   ThreadPool& pool) {
  const CountedVector<Item> left_items = items_of(left, false, pool);
  const CountedVector<Item> right_items = items_of(right, true, pool);
  CountedVector<Item> merged(left_items.size() + right_items.size());
  std::merge(left_items.begin(), left_items.end(), right_items.begin(), right_items.end(), merged.begin(),
             item_less);
  size_t kept = 0;
  for (size_t group = 0; group < merged.size();) {
    size_t middle = group;
    while (middle < merged.size() && merged[middle].row == merged[group].row && merged[middle].origin >= 0)
      ++middle;
    size_t end = middle;
    while (end < merged.size() && merged[end].row == merged[group].row) ++end;
    const auto [first, last] = remaining(op, middle - group, end - middle);
    for (size_t i = first; i < last; ++i) merged[kept++] = merged[group + i];
    group = end;
  }
  merged.resize(kept);
  if (op.ordered) {
    parallel_sort(pool, merged, [](const Item& a, const Item& b) { return origin_less(a.origin, b.origin); });
  }
  return merged;
}

}  // namespace

SetOpResult combine(const SetOp& op, const Selection& left, const Selection& right, bool with_origins,
                    ThreadPool& pool) {
  // The words of the source are walked once, so they must not be many times more than the selected rows.
  const int64_t bound = std::max(left.row_bound(), right.row_bound());
  const bool dense = bound / Bitmap::kWordBits <= 16 * (left.size() + right.size());
  const bool as_sets = !op.all || (op.kind != SetOpKind::kUnion && left.ascending() && right.ascending());
  const bool keeps_order = !op.ordered || (op.kind != SetOpKind::kUnion && left.ascending());
  if (dense && as_sets && keeps_order && !with_origins) {
    return {combine_bitmaps(op.kind, left, right, pool), {}};
  }
  const CountedVector<Item> items = combine_groups(op, left, right, pool);
  HeapArray<int64_t> rows(items.size());
  CountedVector<Origin> origins(with_origins ? items.size() : 0);
  for (size_t i = 0; i < items.size(); ++i) {
    rows.values()[i] = items[i].row;
    if (with_origins) origins[i] = items[i].origin;
  }
  return {Selection::from_indices(std::move(rows), &pool), std::move(origins)};
}

}  // namespace tql_engine
