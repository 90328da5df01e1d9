// Draws and random orders: the same on any number of threads. Their law is tested from Python.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "check.h"
#include "tql_engine/random.h"
#include "tql_engine/sampling.h"
#include "tql_engine/thread_pool.h"

namespace tql_test {

using tql_engine::HeapArray;
using tql_engine::permutation;
using tql_engine::RandomKey;
using tql_engine::RandomStream;
using tql_engine::sample_with_replacement;
using tql_engine::sample_without_replacement;
using tql_engine::ThreadPool;

namespace {

std::vector<int64_t> rows(const HeapArray<int64_t>& drawn) {
  return {drawn.values().begin(), drawn.values().end()};
}

/// Words made many at a time are those made one by one, also where the counter passes 32 bits.
void fills_spans() {
  for (const uint64_t first : {uint64_t{0}, uint64_t{1}, (uint64_t{1} << 33) - 5, (uint64_t{1} << 33) - 6}) {
    const RandomStream random(77, 3, 4);
    for (const size_t count : {0, 1, 2, 7, 16, 40}) {
      std::vector<uint64_t> words(count);
      random.fill_bits(first, words);
      for (size_t i = 0; i < count; ++i) check(words[i] == random.bits(first + i));
    }
  }
}

}  // namespace

void test_sampling() {
  fills_spans();
  const RandomKey key{.seed = 5, .stream = 2};
  std::vector<double> weights(150'000);
  RandomStream(1, 0).fill_uniform(0, weights);
  for (size_t i = 0; i < weights.size(); i += 3) weights[i] = 0;
  ThreadPool alone(1);
  ThreadPool pool(4);
  for (const int64_t size : {1, 1000, 120'000}) {
    const std::vector<int64_t> drawn = rows(sample_with_replacement(weights, size, key, pool));
    check(drawn == rows(sample_with_replacement(weights, size, key, alone)));
    check(std::ranges::none_of(drawn, [](int64_t row) { return row % 3 == 0; }));
    const std::vector<int64_t> distinct = rows(sample_without_replacement(weights, size, key, pool));
    check(distinct == rows(sample_without_replacement(weights, size, key, alone)));
    check(static_cast<int64_t>(distinct.size()) == std::min<int64_t>(size, 100'000));
  }
  for (const int64_t n : {0, 1, 100, 150'000})
    check(rows(permutation(n, key, pool)) == rows(permutation(n, key, alone)));
  const RandomStream random(9, 0);
  std::vector<int64_t> counts(3);
  for (uint64_t i = 0; i < 30'000; ++i) ++counts[random.bounded(i, 3)];
  for (const int64_t count : counts) check(count > 9'600 && count < 10'400);
  constexpr uint64_t kHuge = (uint64_t{1} << 63) + 1;  // rejects almost every second word
  uint64_t large = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint64_t number = random.bounded(i, kHuge);
    check(number < kHuge);
    large += number > kHuge / 2;
  }
  check(large > 400 && large < 600);
}

}  // namespace tql_test
