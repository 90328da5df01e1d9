// Random orders.
#include <limits>
#include <numeric>
#include <string>

#include "draw_domains.h"
#include "shuffle.h"
#include "tql_engine/sampling.h"
#include "tql_engine/status.h"

namespace tql_engine {

HeapArray<int64_t> permutation(int64_t n, RandomKey key, InterruptiblePool pool) {
  if (n < 0)
    throw EngineError(Code::kValue, "the length of an order must not be negative: " + std::to_string(n));
  const auto count_up = []<class Value>(Value) -> Producer<Value> {
    return [](int64_t begin, std::span<Value> values) {
      std::iota(values.begin(), values.end(), static_cast<Value>(begin));
    };
  };
  if (n <= int64_t{std::numeric_limits<uint32_t>::max()})
    return shuffled<uint32_t, int64_t>(n, key, kPermutationDomain, pool,
                                       [&] { return count_up(uint32_t{}); });
  return shuffled<int64_t, int64_t>(n, key, kPermutationDomain, pool, [&] { return count_up(int64_t{}); });
}

}  // namespace tql_engine
