// Independent draws of the rows of one block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "block_sums.h"
#include "tql_engine/random.h"
#include "tql_engine/sampling.h"

namespace tql_engine {

/// Counts how often each row of a block is drawn. One per thread.
class BlockDraw {
 public:
  explicit BlockDraw(RandomKey key) noexcept;

  /// Draws some rows of a block: numbers first, first + 1, ... of all draws. The block's sum is > 0.
  void run(std::span<const double> weights, const BlockSums& sums, int64_t block, int64_t first,
           int64_t draws) noexcept;

  /// The rows that were drawn, ascending, how often and their weights. Returns how many rows. There must be
  /// room for one more than the smaller of the number of draws and the block's rows.
  size_t copy(int64_t* rows, uint32_t* counts, double* weights) const noexcept;

 private:
  static constexpr size_t kCells = kBlockRows;
  static constexpr size_t kMostClasses = 4;

  void load(std::span<const double> weights) noexcept;
  bool find_classes() noexcept;
  bool classify() noexcept;
  void draw_by_class(const BlockSums& sums, int64_t block, int64_t first, int64_t draws) noexcept;
  void draw_by_sums(const BlockSums& sums, int64_t first, int64_t draws) noexcept;
  void add_up(const BlockSums& sums) noexcept;
  void make_guide() noexcept;
  size_t look_up(double u, double target) const noexcept;
  size_t search(double target) const noexcept;

  RandomStream class_random_;
  RandomStream random_;
  RandomStream spare_;

  // The rows of positive weight.
  int64_t first_row_ = 0;
  size_t size_ = 0;
  std::array<uint16_t, kBlockRows + 1> rows_;   // within the block; the last place is scratch
  std::array<double, kBlockRows + 1> weights_;  // likewise
  std::array<uint32_t, kBlockRows> counts_;

  // Of few different weights: the rows of each, one class after the other.
  size_t classes_ = 0;
  std::array<double, kMostClasses> class_weights_;  // ascending
  std::array<size_t, kMostClasses + 1> class_starts_;
  std::array<uint16_t, kBlockRows + 1> members_;  // among the rows of positive weight; the last is scratch

  // Of other weights.
  std::array<double, kBlockRows + 1> ends_;  // running sums, and the last one again
  std::array<uint16_t, kCells + 1> guide_;
};

}  // namespace tql_engine
