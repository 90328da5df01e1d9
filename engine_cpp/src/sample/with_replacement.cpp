// Independent weighted draws, by inversion in two steps: first a block of rows in proportion to the sum of
// its weights, then a row within the block. The draws are grouped by block in between, so that the weights
// are read in order and the cumulative weights of one block at a time stay in the fastest cache.
//
// The block is found through a guide table: Chen, Asau, "On generating random variates from an empirical
// distribution", AIIE Transactions 6, 1974. Each step has 53 random bits of its own, so the resolution
// doesn't suffer from the number of rows. Sums over blocks are compensated: Neumaier, ZAMM 54, 1974.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tql_engine/partition.h"
#include "tql_engine/random.h"
#include "tql_engine/sampling.h"
#include "tql_engine/thread_pool.h"
#include "weights.h"

namespace tql_engine {
namespace {

constexpr int64_t kBlock = 4096;  // rows: 32 KiB of cumulative weights
constexpr int64_t kDraws = 1 << 15;
constexpr uint8_t kDomain = 0;

/// Weights times a power of two that brings the largest into [1/2, 1): neither sums nor products leave the
/// range of double, and the ratios are untouched.
class ScaledWeights {
 public:
  ScaledWeights(std::span<const double> weights, double largest) : weights_(weights) {
    int exponent = 0;
    std::frexp(largest, &exponent);
    factor_ = std::ldexp(1.0, -exponent / 2);
    other_factor_ = std::ldexp(1.0, -exponent - -exponent / 2);
  }

  int64_t blocks() const noexcept { return (static_cast<int64_t>(weights_.size()) - 1) / kBlock + 1; }

  /// Running sums over the rows of a block, up to its last row of positive weight. The block has one.
  std::span<const double> accumulate(int64_t block, std::array<double, kBlock>& sums) const noexcept {
    const auto rows = weights_.subspan(static_cast<size_t>(block * kBlock));
    const auto count = std::min<size_t>(rows.size(), kBlock);
    double sum = 0;
    for (size_t i = 0; i < count; ++i) {
      sum += scaled(rows[i]);
      sums[i] = sum;
    }
    return std::span(sums).first(
        static_cast<size_t>(std::lower_bound(sums.begin(), sums.begin() + count, sum) - sums.begin()) + 1);
  }

  double sum(int64_t block) const noexcept {
    const auto rows = weights_.subspan(static_cast<size_t>(block * kBlock));
    double sum = 0;
    for (const double weight : rows.first(std::min<size_t>(rows.size(), kBlock))) sum += scaled(weight);
    return sum;
  }

 private:
  double scaled(double weight) const noexcept { return effective_weight(weight) * factor_ * other_factor_; }

  std::span<const double> weights_;
  double factor_;  // two of them, since their product may be out of range
  double other_factor_;
};

/// Maps a number in [0, 1) to a block, in constant time on average.
class BlockTable {
 public:
  explicit BlockTable(const std::vector<double>& sums) : ends_(sums.size()) {
    double total = 0;
    double lost = 0;
    for (size_t i = 0; i < sums.size(); ++i) {
      const double next = total + sums[i];
      lost += total >= sums[i] ? (total - next) + sums[i] : (sums[i] - next) + total;
      total = next;
      ends_[i] = std::max(total + lost, i == 0 ? 0.0 : ends_[i - 1]);
    }
    last_ = static_cast<size_t>(std::lower_bound(ends_.begin(), ends_.end(), ends_.back()) - ends_.begin());
    const size_t cells = std::bit_ceil(ends_.size());
    guide_.resize(cells);
    size_t block = 0;
    for (size_t cell = 0; cell < cells; ++cell) {
      const double start = static_cast<double>(cell) / static_cast<double>(cells) * ends_.back();
      while (block < last_ && ends_[block] <= start) ++block;
      guide_[cell] = static_cast<uint32_t>(block);
    }
  }

  uint32_t find(double u) const noexcept {
    const double target = u * ends_.back();
    size_t block = guide_[static_cast<size_t>(u * static_cast<double>(guide_.size()))];
    while (block < last_ && ends_[block] <= target) ++block;
    return static_cast<uint32_t>(block);
  }

 private:
  std::vector<double> ends_;     // running sums over the blocks
  std::vector<uint32_t> guide_;  // the first block that reaches beyond the start of each cell of [0, 1)
  size_t last_ = 0;              // the last block of positive weight
};

/// How many of some ascending numbers are at most `target`: a binary search without branches to mispredict.
int64_t count_up_to(std::span<const double> numbers, double target) noexcept {
  const double* base = numbers.data();
  for (size_t left = numbers.size(); left > 0;) {
    const size_t half = (left + 1) / 2;
    base += half * static_cast<size_t>(base[half - 1] <= target);
    left -= half;
  }
  return base - numbers.data();
}

}  // namespace

std::vector<int64_t> sample_with_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                             ThreadPool& pool) {
  const double largest = check_weights(weights, size, pool);
  if (weights.empty() || size == 0) return {};
  const ScaledWeights scaled(weights, largest);
  const RandomStream random(key.seed, key.stream, kDomain);

  std::vector<double> sums(static_cast<size_t>(scaled.blocks()));
  pool.parallel_for(scaled.blocks(), 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t block = begin; block < end; ++block) sums[static_cast<size_t>(block)] = scaled.sum(block);
  });
  const BlockTable table(sums);

  const auto draws = static_cast<size_t>(size);
  std::vector<uint32_t> blocks(draws);
  pool.parallel_for(size, kDraws, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      blocks[static_cast<size_t>(i)] = table.find(unit_interval(random.block(static_cast<uint64_t>(i))[0]));
    }
  });
  std::vector<int64_t> order(draws);  // the numbers of the draws, by block
  const std::vector<int64_t> starts = partition_stable(
      pool, size, scaled.blocks(), [&](int64_t i) { return blocks[static_cast<size_t>(i)]; },
      [&](int64_t i, int64_t position) { order[static_cast<size_t>(position)] = i; });

  std::vector<int64_t> rows(draws);
  pool.parallel_for(size, kDraws, [&](int64_t begin, int64_t end, int) {
    std::array<double, kBlock> sums_of_rows;
    auto block = std::upper_bound(starts.begin(), starts.end(), begin) - starts.begin() - 1;
    for (int64_t position = begin; position < end; ++block) {
      const int64_t stop = std::min(end, starts[static_cast<size_t>(block) + 1]);
      if (position == stop) continue;
      const std::span<const double> ends = scaled.accumulate(block, sums_of_rows);
      for (; position < stop; ++position) {
        const int64_t draw = order[static_cast<size_t>(position)];
        const double target = unit_interval(random.block(static_cast<uint64_t>(draw))[1]) * ends.back();
        rows[static_cast<size_t>(draw)] = block * kBlock + count_up_to(ends.first(ends.size() - 1), target);
      }
    }
  });
  return rows;
}

}  // namespace tql_engine
