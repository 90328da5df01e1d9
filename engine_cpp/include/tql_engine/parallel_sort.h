// Sorting by comparison on all threads of a pool. The order must be total (ties broken, say by position), so
// that there is one answer whatever the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tql_engine/thread_pool.h"

namespace tql_engine {

/// How many of the first `rank` elements of the merged sequence come from `left`; none of `left` and `right`
/// are equal. Siebert, Träff, "Perfectly load-balanced, stable, synchronization-free parallel merge", 2012.
template <class T, class Less>
int64_t merge_split(std::span<const T> left, std::span<const T> right, int64_t rank, const Less& less) {
  int64_t low = std::max<int64_t>(0, rank - static_cast<int64_t>(right.size()));
  int64_t high = std::min<int64_t>(rank, static_cast<int64_t>(left.size()));
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (less(left[static_cast<size_t>(middle)], right[static_cast<size_t>(rank - middle - 1)])) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// Sorts runs of a fixed length, then merges pairs of runs; every merge is cut into pieces of equal size, so
/// that the last one keeps all threads busy too. `spare`, as long as `values`, is written over.
template <class T, class Less>
void parallel_sort(ThreadPool& pool, std::span<T> values, std::span<T> spare, const Less& less) {
  constexpr int64_t kPiece = 1 << 15;
  const auto count = static_cast<int64_t>(values.size());
  const int64_t share = (count + pool.threads() - 1) / pool.threads();
  if (pool.threads() == 1 || share < kPiece) {
    std::sort(values.begin(), values.end(), less);
    return;
  }
  int64_t run = kPiece;
  while (run * 2 <= share) run *= 2;
  const auto part = [](std::span<T> source, int64_t begin, int64_t end) {
    return source.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  };
  pool.parallel_for(count, run, [&](int64_t begin, int64_t end, int) {
    const std::span<T> rows = part(values, begin, end);
    std::sort(rows.begin(), rows.end(), less);
  });
  std::span<T> source = values;
  std::span<T> merged = spare;
  for (; run < count; run *= 2) {
    pool.parallel_for(
        count, kPiece, [&](int64_t begin, int64_t end, int) {  // a piece lies within one pair of runs
          const int64_t base = begin - begin % (2 * run);
          const std::span<const T> left = part(source, base, std::min(count, base + run));
          const std::span<const T> right =
              part(source, std::min(count, base + run), std::min(count, base + 2 * run));
          const int64_t first = merge_split(left, right, begin - base, less);
          const int64_t last = merge_split(left, right, end - base, less);
          std::merge(left.begin() + first, left.begin() + last, right.begin() + (begin - base - first),
                     right.begin() + (end - base - last), merged.begin() + begin, less);
        });
    std::swap(source, merged);
  }
  if (source.data() != values.data()) std::copy(source.begin(), source.end(), values.begin());
}

/// The same, with a second vector of its own.
template <class T, class Allocator, class Less>
void parallel_sort(ThreadPool& pool, std::vector<T, Allocator>& values, const Less& less) {
  std::vector<T, Allocator> spare(values.size());
  parallel_sort(pool, std::span<T>(values), std::span<T>(spare), less);
}

}  // namespace tql_engine
