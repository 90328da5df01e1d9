// Multinomial numbers by halving: a binomial number says how many draws fall into the first half.
#include "block_sums.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "binomial.h"
#include "tql_engine/interruptible_pool.h"
#include "weights.h"

namespace tql_engine {
namespace {

constexpr int64_t kBlocksAtOnce = 16;

/// The sum of effective weights, each times `scale`. Eight sums side by side: one addition waits for the one
/// before it.
template <class Scale>
double sum_of(std::span<const double> weights, const Scale& scale) noexcept {
  constexpr size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  size_t i = 0;
  for (; i + kLanes <= weights.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += scale(effective_weight(weights[i + lane]));
  }
  for (; i < weights.size(); ++i) sums[0] += scale(effective_weight(weights[i]));
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

BlockSums::BlockSums(std::span<const double> weights, int64_t size, InterruptiblePool& pool)
    : blocks_((static_cast<int64_t>(weights.size()) + kBlockRows - 1) / kBlockRows),
      leaves_(std::bit_ceil(static_cast<size_t>(std::max<int64_t>(blocks_, 1)))),
      sums_(2 * leaves_) {
  add_up(weights, pool);
  // Nearly all weights are of a size that allows adding them up as they are. For the others, and for the
  // errors, look closer.
  constexpr double kSmallest = 0x1p-900;
  if (sums_[1] > kSmallest && std::isfinite(sums_[1]) && size >= 0) return;
  const double largest = check_weights(weights, size, pool);
  if (largest == 0) return;
  int exponent = 0;
  std::frexp(largest, &exponent);
  exponent = -exponent - 64;  // as many rows as there can be
  factor_ = std::ldexp(1.0, exponent / 2);
  other_factor_ = std::ldexp(1.0, exponent - exponent / 2);
  add_up(weights, pool);
}

void BlockSums::add_up(std::span<const double> weights, InterruptiblePool& pool) {
  pool.parallel_for(blocks_, kBlocksAtOnce, [&](int64_t begin, int64_t end, int) {
    for (int64_t block = begin; block < end; ++block) {
      const auto first = static_cast<size_t>(block * kBlockRows);
      const auto rows = weights.subspan(first, std::min<size_t>(kBlockRows, weights.size() - first));
      sums_[leaves_ + static_cast<size_t>(block)] =
          factor_ == 1 && other_factor_ == 1 ? sum_of(rows, [](double weight) { return weight; })
                                             : sum_of(rows, [this](double weight) { return scale(weight); });
    }
  });
  for (size_t node = leaves_ - 1; node > 0; --node) sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
}

std::vector<int64_t> BlockSums::split(int64_t size, const RandomStream& random) const {
  std::vector<int64_t> draws(2 * leaves_);
  draws[1] = size;
  for (size_t node = 1; node < leaves_; ++node) {
    if (draws[node] == 0) continue;
    RandomSequence numbers(random, node);
    draws[2 * node] = binomial(draws[node], sums_[2 * node] / sums_[node], numbers);
    draws[2 * node + 1] = draws[node] - draws[2 * node];
  }
  std::vector<int64_t> starts(static_cast<size_t>(blocks_) + 1);
  for (size_t block = 0; block < static_cast<size_t>(blocks_); ++block)
    starts[block + 1] = starts[block] + draws[leaves_ + block];
  return starts;
}

}  // namespace tql_engine
