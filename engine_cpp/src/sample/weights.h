// What both ways of drawing ask of the weights.
#pragma once

#include <cstdint>
#include <span>

namespace tql_engine {

class ThreadPool;

inline constexpr int64_t kWeightMorsel = 1 << 15;

/// What a weight counts as: NaN and negative ones as 0.
constexpr double effective_weight(double weight) noexcept { return weight > 0 ? weight : 0; }

/// The largest effective weight. Throws EngineError(kValue) for a negative size, for an infinite weight, and
/// if there are rows, all of weight 0, and size > 0.
double check_weights(std::span<const double> weights, int64_t size, ThreadPool& pool);

}  // namespace tql_engine
