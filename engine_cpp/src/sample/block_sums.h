// How much of all weight lies in which block of rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tql_engine/interruptible_pool.h"
#include "tql_engine/random.h"

namespace tql_engine {

/// Rows whose running sums stay in the fastest cache, with the table that finds them.
inline constexpr int64_t kBlockRows = 2048;

/// Sums of weights over blocks of kBlockRows rows, and over ever larger groups of blocks. Every sum is one of
/// its two halves, so that no block's share is lost beside the weight of the others.
class BlockSums {
 public:
  /// Checks the weights, as check_weights.
  BlockSums(std::span<const double> weights, int64_t size, InterruptiblePool& pool);

  int64_t blocks() const noexcept { return blocks_; }

  /// A power of two; weights times this and their sums are within the range of double.
  double scale(double weight) const noexcept { return weight * factor_ * other_factor_; }

  /// Deals `size` independent draws out over the blocks, each in proportion to its sum. Returns where the
  /// draws of each block start, [blocks + 1].
  std::vector<int64_t> split(int64_t size, const RandomStream& random) const;

 private:
  void add_up(std::span<const double> weights, InterruptiblePool& pool);

  int64_t blocks_;
  double factor_ = 1;  // two of them, since their product may be out of range
  double other_factor_ = 1;
  size_t leaves_;             // blocks_, rounded up to a power of two
  std::vector<double> sums_;  // a binary heap: the halves of node i are 2 i and 2 i + 1, the blocks come last
};

}  // namespace tql_engine
