// What both ways of drawing ask of the weights.
#pragma once

#include <cstdint>
#include <span>

#include "tql_engine/interruptible_pool.h"

namespace tql_engine {

inline constexpr int64_t kWeightMorsel = 1 << 15;

/// What a weight counts as: NaN and negative ones as 0.
constexpr double effective_weight(double weight) noexcept { return weight > 0 ? weight : 0; }

/// The largest effective weight. Throws EngineError(kValue) for a negative size, for an infinite weight, and
/// if there are rows, all of weight 0, and size > 0.
double check_weights(std::span<const double> weights, int64_t size, InterruptiblePool& pool);

}  // namespace tql_engine
