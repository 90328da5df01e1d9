// Independent weighted draws: first how many of them fall into each block of rows, then which rows of the
// block, and at last the order of all draws at random. Everything is read and written in order, but for a
// block's running sums and a bucket of the shuffle, which stay within the cache.
//
// A row is found through a guide table over the block's running sums: Chen, Asau, "On generating random
// variates from an empirical distribution", AIIE Transactions 6, 1974. Block and row have 53 random bits or
// more each, so that the resolution doesn't suffer from the number of rows.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "block_sums.h"
#include "shuffle.h"
#include "tql_engine/random.h"
#include "tql_engine/sampling.h"
#include "weights.h"

namespace tql_engine {
namespace {

constexpr uint8_t kSplitDomain = 0;
constexpr uint8_t kRowDomain = 5;
constexpr uint8_t kOrderDomain = 6;  // and the two behind it
constexpr size_t kChunk = 512;

/// The rows of positive weight of one block.
class BlockRows {
 public:
  /// `draws`: about how many rows will be looked for.
  void load(std::span<const double> weights, const BlockSums& sums, int64_t block, int64_t draws) noexcept {
    first_ = block * kBlockRows;
    const auto rows = weights.subspan(static_cast<size_t>(first_));
    const auto count = std::min<size_t>(rows.size(), kBlockRows);
    size_ = 0;
    double sum = 0;
    for (size_t i = 0; i < count; ++i) {
      const double next = sum + sums.scale(effective_weight(rows[i]));
      ends_[size_] = next;
      rows_[size_] = static_cast<uint16_t>(i);
      size_ += static_cast<size_t>(next > sum);
      sum = next;
    }
    ends_[size_] = sum;  // find() looks one further
    constexpr int64_t kFewDraws = kBlockRows / 8;
    guided_ = draws > kFewDraws;
    if (guided_) make_guide();
  }

  /// The row of number `u` in [0, 1): each row in proportion to its weight.
  int64_t find(double u) const noexcept {
    const double target = u * ends_[size_];
    const size_t position = guided_ ? look_up(u, target) : search(target);
    return first_ + rows_[std::min(position, size_ - 1)];
  }

 private:
  static constexpr size_t kCells = kBlockRows;

  /// The first row that ends beyond the start of each cell: count the rows that end in a cell, and add up.
  void make_guide() noexcept {
    guide_.fill(0);
    const double scale = static_cast<double>(kCells) / ends_[size_];
    for (size_t i = 0; i < size_; ++i) {
      // Rounding may count a row one cell too late, never too early: too late costs a step of the search.
      const double cell = ends_[i] * scale * (1 + 0x1p-50);
      ++guide_[std::min(static_cast<size_t>(cell) + 1, kCells)];
    }
    uint16_t rows = 0;
    for (size_t cell = 0; cell < kCells; ++cell)
      guide_[cell] = rows = static_cast<uint16_t>(rows + guide_[cell]);
  }

  size_t look_up(double u, double target) const noexcept {
    size_t position = guide_[static_cast<size_t>(u * static_cast<double>(kCells))];
    position += static_cast<size_t>(ends_[position] <= target);  // mostly enough, and nothing to mispredict
    while (position < size_ && ends_[position] <= target) ++position;
    return position;
  }

  size_t search(double target) const noexcept {
    return static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.begin() + size_, target) -
                               ends_.begin());
  }

  int64_t first_ = 0;
  size_t size_ = 0;
  bool guided_ = false;
  std::array<double, kBlockRows + 1> ends_;  // running sums, and the last one again
  std::array<uint16_t, kBlockRows> rows_;    // within the block
  std::array<uint16_t, kCells + 1> guide_;
};

}  // namespace

HeapArray<int64_t> sample_with_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                           InterruptiblePool pool) {
  const BlockSums sums(weights, size, pool);
  if (weights.empty() || size == 0) return {};
  const std::vector<int64_t> starts = sums.split(size, RandomStream(key.seed, key.stream, kSplitDomain));
  const RandomStream random(key.seed, key.stream, kRowDomain);
  return shuffled(size, key, kOrderDomain, pool, [&] {
    auto block_rows = std::make_shared<BlockRows>();
    int64_t loaded = -1;
    return [&, block_rows, loaded](int64_t begin, std::span<int64_t> rows) mutable {
      std::array<uint64_t, kChunk> words;
      const int64_t end = begin + static_cast<int64_t>(rows.size());
      auto block = std::upper_bound(starts.begin(), starts.end(), begin) - starts.begin() - 1;
      for (int64_t at = begin; at < end; ++block) {
        const int64_t block_end = starts[static_cast<size_t>(block) + 1];
        const int64_t stop = std::min(end, block_end);
        if (at == stop) continue;
        if (loaded != block) block_rows->load(weights, sums, block, block_end - at);
        loaded = block;
        while (at < stop) {
          const auto count = static_cast<size_t>(std::min<int64_t>(kChunk, stop - at));
          random.fill_bits(static_cast<uint64_t>(at), std::span(words).first(count));
          for (size_t i = 0; i < count; ++i, ++at)
            rows[static_cast<size_t>(at - begin)] = block_rows->find(unit_interval(words[i]));
        }
      }
    };
  });
}

}  // namespace tql_engine
