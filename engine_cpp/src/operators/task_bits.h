// The rows of one task of a filter, as bits of its own that are merged into the bitmap of all.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>

#include "tql_engine/program.h"
#include "tql_engine/selection.h"

namespace tql_engine {

/// Rows of a bitmap that one task filters. Words at the ends may be shared with a neighbour; the builtins
/// stand in for std::atomic_ref, which older libc++ lacks.
class TaskBits {
 public:
  static constexpr int64_t kMaxRows = 1 << 16;  // of a task; a multiple of 64

  /// Without rows.
  TaskBits(int64_t begin, int64_t end)
      : begin_(begin),
        end_(end),
        base_(begin - begin % kWordBits),
        count_((end_ - base_ + kWordBits - 1) / kWordBits) {
    words_.fill(0);
  }

  /// The bits of all words; those outside the task are 0.
  std::span<const uint64_t> words() const noexcept { return {words_.data(), static_cast<size_t>(count_)}; }

  void insert(int64_t row) noexcept {
    words_[static_cast<size_t>((row - base_) / kWordBits)] |= uint64_t{1} << (row % kWordBits);
  }

  /// Takes over `n` rows from `row` on, none of which is here yet.
  void insert(int64_t row, int64_t n, const uint64_t* bits) noexcept {
    uint64_t* to = words_.data() + (row - base_) / kWordBits;
    const int64_t shift = row % kWordBits;
    for (int64_t i = 0; i * kWordBits < n; ++i) {
      to[i] |= bits[i] << shift;
      if (shift > 0 && (bits[i] >> (kWordBits - shift)) != 0) to[i + 1] |= bits[i] >> (kWordBits - shift);
    }
  }

  /// Replaces the bits by a condition on the rows of a segment, whose row 0 is row `first`.
  void fill(const MaskProgram& condition, const Segment& segment, int64_t first) {
    const int64_t head = std::min((kWordBits - begin_ % kWordBits) % kWordBits, end_ - begin_);
    uint64_t* word = words_.data();
    if (head > 0) {
      condition.evaluate(segment, begin_ - first, head, word);
      *word++ <<= begin_ % kWordBits;
    }
    if (end_ - begin_ > head) condition.evaluate(segment, begin_ + head - first, end_ - begin_ - head, word);
  }

  /// Keeps the rows for which a condition is true as well, without looking at runs that have no row left;
  /// returns how many rows it looked at.
  int64_t narrow(const MaskProgram& condition, const Segment& segment, int64_t first) {
    std::array<uint64_t, kRunWords> truth;
    int64_t tested = 0;
    int64_t row = begin_;
    while (row < end_) {
      const auto word = (row - base_) / kWordBits;
      const int64_t offset = row % kWordBits;
      const int64_t stop =
          std::min(end_, offset > 0 ? row - offset + kWordBits : row + kRunWords * kWordBits);
      uint64_t* bits = words_.data() + word;
      const int64_t count = (stop - row + offset + kWordBits - 1) / kWordBits;
      if (std::any_of(bits, bits + count, [](uint64_t some) { return some != 0; })) {
        condition.evaluate(segment, row - first, stop - row, truth.data());
        tested += stop - row;
        truth[0] <<= offset;
        for (int64_t i = 0; i < count; ++i) bits[i] &= truth[static_cast<size_t>(i)];
      }
      row = stop;
    }
    return tested;
  }

  /// Takes the rows of this task from `bits`, whose words at the ends neighbours may be changing.
  void load(Bitmap& bits, int64_t origin) noexcept {
    uint64_t* from = bits.words().data() + (base_ - origin) / kWordBits;
    const auto [first, last] = own_words();
    std::copy(from + first, from + last, words_.data() + first);
    for_each_shared([&](int64_t i) {
      words_[static_cast<size_t>(i)] = __atomic_load_n(from + i, __ATOMIC_RELAXED) & mask(i);
    });
  }

  /// Calls visit(row) for each row of [begin, end), which lies within this task.
  template <class Visit>
  void for_each(int64_t begin, int64_t end, Visit&& visit) const {
    for (int64_t row = begin - begin % kWordBits; row < end; row += kWordBits) {
      uint64_t bits = words_[static_cast<size_t>((row - base_) / kWordBits)];
      if (row < begin) bits &= ~uint64_t{0} << (begin - row);
      if (row + kWordBits > end) bits &= ~uint64_t{0} >> (row + kWordBits - end);
      for (; bits != 0; bits &= bits - 1) visit(row + std::countr_zero(bits));
    }
  }

  /// Replaces the rows of this task in `bits` (bit 0 is row `origin`, a multiple of 64), or keeps of them
  /// those that are also here.
  void store(Bitmap& bits, int64_t origin, bool keep) const {
    uint64_t* to = bits.words().data() + (base_ - origin) / kWordBits;
    const auto [first, last] = own_words();
    if (keep) {
      for (int64_t i = first; i < last; ++i) to[i] &= words_[static_cast<size_t>(i)];
    } else {
      std::copy(words_.data() + first, words_.data() + last, to + first);
    }
    for_each_shared([&](int64_t i) {
      const uint64_t own = mask(i);
      const uint64_t word = words_[static_cast<size_t>(i)];
      if (keep) {
        __atomic_fetch_and(to + i, word | ~own, __ATOMIC_RELAXED);
      } else {
        __atomic_fetch_or(to + i, word & own, __ATOMIC_RELAXED);
      }
    });
  }

 private:
  static constexpr int64_t kWordBits = Bitmap::kWordBits;
  static constexpr int64_t kRunWords = 64;

  /// Words [first, second) have rows of this task alone.
  std::pair<int64_t, int64_t> own_words() const noexcept {
    const int64_t first = begin_ == base_ ? 0 : 1;
    return {first, std::max(first, end_ % kWordBits == 0 ? count_ : count_ - 1)};
  }

  /// Calls visit(word) for the others.
  template <class Visit>
  void for_each_shared(Visit&& visit) const {
    const auto [first, last] = own_words();
    for (int64_t i = 0; i < first && i < count_; ++i) visit(i);
    for (int64_t i = last; i < count_; ++i) visit(i);
  }

  /// The bits of a word that are rows of this task.
  uint64_t mask(int64_t word) const noexcept {
    const int64_t row = base_ + word * kWordBits;
    uint64_t bits = ~uint64_t{0};
    if (row < begin_) bits &= ~uint64_t{0} << (begin_ - row);
    if (row + kWordBits > end_) bits &= ~uint64_t{0} >> (row + kWordBits - end_);
    return bits;
  }

  int64_t begin_;
  int64_t end_;
  int64_t base_;
  int64_t count_;  // of words
  std::array<uint64_t, kMaxRows / kWordBits + 1> words_;
};

}  // namespace tql_engine
