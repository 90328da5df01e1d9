// Random orders: throw every item into one of many buckets with equal chances, shuffle each bucket within the
// cache, read the buckets one after the other. Uniform over all orders: Rao, "Generation of random
// permutation of given number of elements using random sampling numbers", Sankhya A 23, 1961; Sandelius, "A
// simple randomization procedure", JRSS B 24, 1962.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tql_engine/partition.h"
#include "tql_engine/random.h"
#include "tql_engine/sampling.h"
#include "tql_engine/status.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

constexpr uint8_t kBucketDomain = 2;
constexpr uint8_t kShuffleDomain = 3;
constexpr uint64_t kItemsPerBucket = 1 << 14;
constexpr uint64_t kMaxBuckets = 1 << 11;
constexpr int64_t kMorsel = 1 << 16;
constexpr int64_t kLanes = 8;  // bucket numbers of 16 random bits in one block of random numbers

}  // namespace

std::vector<int64_t> permutation(int64_t n, RandomKey key, ThreadPool& pool) {
  if (n < 0)
    throw EngineError(Code::kValue, "the length of an order must not be negative: " + std::to_string(n));
  if (n == 0) return {};
  // A power of two, so that bits of a random word choose among them without bias.
  const uint64_t buckets =
      std::bit_ceil(std::clamp<uint64_t>(static_cast<uint64_t>(n) / kItemsPerBucket, 1, kMaxBuckets));
  const int shift = 16 - std::countr_zero(buckets);

  const RandomStream chooser(key.seed, key.stream, kBucketDomain);
  std::vector<uint16_t> bucket_of(static_cast<size_t>(n));
  pool.parallel_for(n, kMorsel, [&](int64_t begin, int64_t end, int) {  // kMorsel is a multiple of kLanes
    for (int64_t base = begin; base < end; base += kLanes) {
      const auto words = chooser.block(static_cast<uint64_t>(base / kLanes));
      for (int64_t lane = 0; lane < std::min(kLanes, end - base); ++lane) {
        const uint64_t bits = words[static_cast<size_t>(lane / 4)] >> (lane % 4 * 16) & 0xFFFF;
        bucket_of[static_cast<size_t>(base + lane)] = static_cast<uint16_t>(bits >> shift);
      }
    }
  });

  std::vector<int64_t> order(static_cast<size_t>(n));
  const std::vector<int64_t> starts = partition_stable(
      pool, n, static_cast<int64_t>(buckets), [&](int64_t i) { return bucket_of[static_cast<size_t>(i)]; },
      [&](int64_t i, int64_t position) { order[static_cast<size_t>(position)] = i; });

  const RandomStream shuffler(key.seed, key.stream, kShuffleDomain);
  pool.parallel_for(static_cast<int64_t>(buckets), 1, [&](int64_t begin, int64_t end, int) {
    for (auto bucket = static_cast<size_t>(begin); bucket < static_cast<size_t>(end); ++bucket) {
      int64_t* const items = order.data() + starts[bucket];
      for (int64_t i = starts[bucket + 1] - starts[bucket] - 1; i > 0; --i) {  // Fisher and Yates
        const uint64_t other =
            shuffler.bounded(static_cast<uint64_t>(starts[bucket] + i), static_cast<uint64_t>(i) + 1);
        std::swap(items[i], items[other]);
      }
    }
  });
  return order;
}

}  // namespace tql_engine
