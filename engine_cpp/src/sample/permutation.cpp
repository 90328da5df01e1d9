// Random orders.
#include <numeric>
#include <string>

#include "shuffle.h"
#include "tql_engine/sampling.h"
#include "tql_engine/status.h"

namespace tql_engine {

HeapArray<int64_t> permutation(int64_t n, RandomKey key, InterruptiblePool pool) {
  constexpr uint8_t kDomain = 2;
  if (n < 0)
    throw EngineError(Code::kValue, "the length of an order must not be negative: " + std::to_string(n));
  return shuffled(n, key, kDomain, pool, [] {
    return [](int64_t begin, std::span<int64_t> values) { std::iota(values.begin(), values.end(), begin); };
  });
}

}  // namespace tql_engine
