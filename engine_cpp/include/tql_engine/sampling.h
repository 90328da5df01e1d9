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

/// The rows of draw_with_replacement(), in the order in which they were drawn.
HeapArray<int64_t> sample_with_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                           InterruptiblePool pool);

/// Successive draws, each in proportion to the weights of the rows that remain: min(size, rows of positive
/// weight) rows in draw order. O(rows + size log size). Weights and errors as draw_with_replacement().
HeapArray<int64_t> sample_without_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                              InterruptiblePool pool);

/// What there is among weights.
struct WeightSurvey {
  int64_t positive = 0;   // rows of positive weight, infinite ones included
  int64_t odd = -1;       // the first row whose weight is negative, NaN or infinite; -1: there is none
  int64_t infinite = -1;  // the first row of weight +inf; likewise
};

WeightSurvey survey_weights(std::span<const double> weights, InterruptiblePool pool);

/// 0 .. n-1 in an order that is uniformly random: each of the n! is equally likely.
HeapArray<int64_t> permutation(int64_t n, RandomKey key, InterruptiblePool pool);

}  // namespace tql_engine
