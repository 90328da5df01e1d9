// Weighted draws of rows and random orders. Every answer is a function of the arguments and the seed; the
// number of threads doesn't matter.
#pragma once

#include <cstdint>
#include <span>

#include "tql_engine/heap_array.h"
#include "tql_engine/interruptible_pool.h"

namespace tql_engine {

/// Which random numbers to use: draws with different streams are independent.
struct RandomKey {
  uint64_t seed = 0;
  uint64_t stream = 0;
};

/// `size` independent draws, row i with probability weights[i] / sum. O(rows + size).
///
/// NaN and negative weights count as 0, and a row of weight 0 is never drawn. Throws EngineError(kValue) for
/// an infinite weight (naming its row), for a negative size, and if every weight is 0 while there are rows
/// and size > 0. No rows: no draws.
HeapArray<int64_t> sample_with_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                           InterruptiblePool pool);

/// Successive draws, each in proportion to the weights of the rows that remain: min(size, rows of positive
/// weight) rows in draw order. O(rows + size log size). Weights and errors as above.
HeapArray<int64_t> sample_without_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                              InterruptiblePool pool);

/// 0 .. n-1 in an order that is uniformly random: each of the n! is equally likely.
HeapArray<int64_t> permutation(int64_t n, RandomKey key, InterruptiblePool pool);

}  // namespace tql_engine
