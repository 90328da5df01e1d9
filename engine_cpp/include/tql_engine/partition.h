// Distributing items over buckets, stably and in parallel: the counting pass of a radix sort.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tql_engine/thread_pool.h"

namespace tql_engine {

/// Calls place(i, position) once for each i in [0, count), where the positions are 0 .. count-1 ordered by
/// (bucket_of(i), i), and returns where each bucket starts, [buckets + 1]. bucket_of is called twice per item
/// and must be in [0, buckets). `pool` is a ThreadPool, or an Execution, which looks for interrupts.
template <class Pool, class BucketOf, class Place>
std::vector<int64_t> partition_stable(Pool& pool, int64_t count, int64_t buckets, const BucketOf& bucket_of,
                                      const Place& place) {
  constexpr int64_t kSmallestPart = 1 << 15;
  // The counts of a part cost `buckets` steps and words: keep that far below the cost of the items
  // themselves.
  const int64_t part = std::max({kSmallestPart, 16 * buckets, (count - 1) / (4 * pool.threads()) + 1});
  const int64_t parts = count == 0 ? 0 : (count - 1) / part + 1;
  std::vector<int64_t> positions(static_cast<size_t>(parts * buckets));
  pool.parallel_for(count, part, [&](int64_t begin, int64_t end, int) {
    int64_t* counts = positions.data() + begin / part * buckets;
    for (int64_t i = begin; i < end; ++i) ++counts[bucket_of(i)];
  });
  std::vector<int64_t> starts(static_cast<size_t>(buckets) + 1);
  int64_t total = 0;
  for (int64_t bucket = 0; bucket < buckets; ++bucket) {
    starts[static_cast<size_t>(bucket)] = total;
    for (int64_t p = 0; p < parts; ++p) {
      int64_t& position = positions[static_cast<size_t>(p * buckets + bucket)];
      const int64_t items = position;
      position = total;
      total += items;
    }
  }
  starts.back() = total;
  pool.parallel_for(count, part, [&](int64_t begin, int64_t end, int) {
    int64_t* next = positions.data() + begin / part * buckets;
    for (int64_t i = begin; i < end; ++i) place(i, next[bucket_of(i)]++);
  });
  return starts;
}

}  // namespace tql_engine
