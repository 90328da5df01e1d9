// Where a block has only a few different weights, how often each of them is drawn is a multinomial number,
// and all of its rows are equally likely. Else a row is found through a guide table over the block's running
// sums: Chen, Asau, "On generating random variates from an empirical distribution", AIIE Transactions 6,
// 1974. Block and row have 53 random bits or more each, so that the resolution doesn't suffer from the number
// of rows.
#include "block_draw.h"

#include <algorithm>

#include "below.h"
#include "binomial.h"
#include "draw_domains.h"
#include "weights.h"

namespace tql_engine {
namespace {

constexpr size_t kChunk = 512;

}  // namespace

BlockDraw::BlockDraw(RandomKey key) noexcept
    : class_random_(key.seed, key.stream, kClassDomain),
      random_(key.seed, key.stream, kRowDomain),
      spare_(key.seed, key.stream, kSpareDomain) {}

void BlockDraw::run(std::span<const double> weights, const BlockSums& sums, int64_t block, int64_t first,
                    int64_t draws) noexcept {
  const auto begin = static_cast<size_t>(block * kBlockRows);
  first_row_ = block * kBlockRows;
  load(weights.subspan(begin, std::min<size_t>(kBlockRows, weights.size() - begin)));
  std::fill_n(counts_.begin(), size_, 0);
  if (classify()) {
    draw_by_class(sums, block, first, draws);
  } else {
    draw_by_sums(sums, first, draws);
  }
}

void BlockDraw::load(std::span<const double> weights) noexcept {
  size_ = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    rows_[size_] = static_cast<uint16_t>(i);
    weights_[size_] = weights[i];
    size_ += static_cast<size_t>(weights[i] > 0);
  }
}

size_t BlockDraw::copy(int64_t* rows, uint32_t* counts, double* weights) const noexcept {
  size_t size = 0;
  for (size_t i = 0; i < size_; ++i) {  // without a branch, which could not be predicted
    rows[size] = first_row_ + rows_[i];
    counts[size] = counts_[i];
    weights[size] = weights_[i];
    size += static_cast<size_t>(counts_[i] > 0);
  }
  return size;
}

/// Finds the different weights of the block. False if there are too many.
bool BlockDraw::find_classes() noexcept {
  std::array<double, kMostClasses>& seen = class_weights_;
  const auto end = [&] { return seen.begin() + static_cast<ptrdiff_t>(classes_); };
  if (classes_ > 0) {  // mostly they are those of the block before
    std::array<double, kMostClasses> all = seen;
    std::fill(all.begin() + static_cast<ptrdiff_t>(classes_), all.end(), all[0]);
    bool known = true;
    for (size_t i = 0; i < size_; ++i) {
      const double weight = weights_[i];
      known &= (weight == all[0]) | (weight == all[1]) | (weight == all[2]) | (weight == all[3]);
    }
    if (known) return true;
  }
  classes_ = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (std::find(seen.begin(), end(), weights_[i]) != end()) continue;
    if (classes_ == kMostClasses) {
      classes_ = 0;
      return false;
    }
    seen[classes_++] = weights_[i];
  }
  std::sort(seen.begin(), end());
  return true;
}

/// Sorts the rows into classes of equal weight, if there are few enough of these.
bool BlockDraw::classify() noexcept {
  if (!find_classes()) return false;
  size_t at = 0;
  for (size_t c = 0; c < classes_; ++c) {
    class_starts_[c] = at;
    const double weight = class_weights_[c];
    for (size_t i = 0; i < size_; ++i) {
      members_[at] = static_cast<uint16_t>(i);
      at += static_cast<size_t>(weights_[i] == weight);
    }
  }
  class_starts_[classes_] = at;
  return true;
}

void BlockDraw::draw_by_class(const BlockSums& sums, int64_t block, int64_t first, int64_t draws) noexcept {
  RandomSequence numbers(class_random_, static_cast<uint64_t>(block));
  std::array<double, kMostClasses> mass{};
  std::array<double, kMostClasses + 1> left{};  // mass of a class and those behind it
  for (size_t c = classes_; c-- > 0;) {
    const auto rows = static_cast<double>(class_starts_[c + 1] - class_starts_[c]);
    mass[c] = rows * sums.scale(class_weights_[c]);
    left[c] = left[c + 1] + mass[c];
  }
  std::array<uint64_t, kChunk / 2> words;  // two draws each
  int64_t at = first;
  for (size_t c = 0; c < classes_; ++c) {
    const std::span members =
        std::span(members_).subspan(class_starts_[c], class_starts_[c + 1] - class_starts_[c]);
    if (members.empty()) continue;  // a class of other blocks
    const bool last = left[c + 1] == 0;
    const int64_t mine = last ? draws : binomial(draws, mass[c] / left[c], numbers);
    draws -= mine;
    for (const int64_t stop = at + mine; at < stop;) {
      const auto count = static_cast<size_t>(std::min<int64_t>(kChunk, stop - at));
      random_.fill_bits(static_cast<uint64_t>(at), std::span(words).first((count + 1) / 2));
      for (size_t i = 0; i < count; ++i) {
        const auto bits = static_cast<uint32_t>(words[i / 2] >> (i % 2 * 32));
        ++counts_[members[below(members.size(), bits, spare_, static_cast<uint64_t>(at) + i)]];
      }
      at += static_cast<int64_t>(count);
    }
  }
}

void BlockDraw::draw_by_sums(const BlockSums& sums, int64_t first, int64_t draws) noexcept {
  constexpr int64_t kFewDraws = kBlockRows / 8;
  const bool guided = draws > kFewDraws;
  add_up(sums);
  if (guided) make_guide();
  std::array<uint64_t, kChunk> words;
  for (int64_t at = first; at < first + draws;) {
    const auto count = static_cast<size_t>(std::min<int64_t>(kChunk, first + draws - at));
    random_.fill_bits(static_cast<uint64_t>(at), std::span(words).first(count));
    for (size_t i = 0; i < count; ++i) {
      const double u = unit_interval(words[i]);
      const double target = u * ends_[size_];
      const size_t position = guided ? look_up(u, target) : search(target);
      ++counts_[std::min(position, size_ - 1)];
    }
    at += static_cast<int64_t>(count);
  }
}

void BlockDraw::add_up(const BlockSums& sums) noexcept {
  double sum = 0;
  for (size_t i = 0; i < size_; ++i) ends_[i] = sum += sums.scale(weights_[i]);
  ends_[size_] = sum;  // look_up() looks one further
}

/// The first row that ends beyond the start of each cell: count the rows that end in a cell, and add up.
void BlockDraw::make_guide() noexcept {
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

size_t BlockDraw::look_up(double u, double target) const noexcept {
  size_t position = guide_[static_cast<size_t>(u * static_cast<double>(kCells))];
  position += static_cast<size_t>(ends_[position] <= target);  // mostly enough, and nothing to mispredict
  while (position < size_ && ends_[position] <= target) ++position;
  return position;
}

size_t BlockDraw::search(double target) const noexcept {
  return static_cast<size_t>(
      std::upper_bound(ends_.begin(), ends_.begin() + static_cast<ptrdiff_t>(size_), target) - ends_.begin());
}

}  // namespace tql_engine
