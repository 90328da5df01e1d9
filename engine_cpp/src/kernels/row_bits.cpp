// Two ways: where bits are few, each is brought to its row by a search among the next ends of rows; else a
// row has a bit if the count of bits before its end is larger than the one before its start.
#include "row_bits.h"

#include <bit>

#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = CountedBits::kWordBits;

[[gnu::always_inline]] inline uint32_t count_before(const CountedBits& bits, int64_t at) noexcept {
  const auto word = static_cast<size_t>(at / kWordBits);
  const uint64_t below = (uint64_t{1} << (at % kWordBits)) - 1;
  return bits.before[word] + static_cast<uint32_t>(std::popcount(bits.words[word] & below));
}

struct Rows {
  CountedBits& bits;
  int64_t origin;
  int64_t elements;
  const RowStarts& starts;
  int64_t short_by;
  int64_t first;
  int64_t begin;
  int64_t end;
  uint64_t* words;
};

template <class Offset>
struct StartByOffset {
  const Offset* offsets;
  [[gnu::always_inline]] int64_t operator()(int64_t row) const noexcept { return offsets[row]; }

  /// The row of [row, end) that an element belongs to; those before `row` end before it. Steps of rows are
  /// compared in a loop that the compiler turns into vectors.
  [[gnu::always_inline]] int64_t row_of(int64_t element, int64_t row, int64_t end) const noexcept {
    constexpr int64_t kStep = 16;
    const auto at = static_cast<Offset>(element);
    while (end - row >= kStep && offsets[row + kStep] <= at) row += kStep;
    if (end - row < kStep) {
      while (offsets[row + 1] <= at) ++row;
      return row;
    }
    Offset before = 0;
    for (int64_t i = 1; i <= kStep; ++i) before += static_cast<Offset>(offsets[row + i] <= at);
    return row + before;
  }
};

struct StartByExtent {
  int64_t extent;
  [[gnu::always_inline]] int64_t operator()(int64_t row) const noexcept { return row * extent; }
  [[gnu::always_inline]] int64_t row_of(int64_t element, int64_t, int64_t) const noexcept {
    return element / extent;
  }
};

size_t words_of(const Rows& rows) noexcept {
  return static_cast<size_t>((rows.elements + kWordBits - 1) / kWordBits);
}

template <class StartOf>
[[gnu::always_inline]] inline void mark_each(const Rows& rows, const StartOf& start_of) noexcept {
  int64_t row = rows.first + rows.begin;
  for (size_t i = 0; i < words_of(rows); ++i) {
    for (uint64_t left = rows.bits.words[i]; left != 0; left &= left - 1) {
      const int64_t element = rows.origin + static_cast<int64_t>(i) * kWordBits + std::countr_zero(left);
      row = start_of.row_of(element, row, rows.first + rows.end);
      const bool counts = element < start_of(row + 1) - rows.short_by;
      const int64_t bit = row - rows.first;
      rows.words[bit / kWordBits] |= uint64_t{counts} << (bit % kWordBits);
    }
  }
}

template <bool is_short, class StartOf>
[[gnu::always_inline]] inline void mark_counted(const Rows& rows, const StartOf& start_of) noexcept {
  CountedBits& bits = rows.bits;
  const size_t filled = words_of(rows);
  uint32_t count = 0;
  for (size_t i = 0; i < filled; ++i) {
    bits.before[i] = count;
    count += static_cast<uint32_t>(std::popcount(bits.words[i]));
  }
  bits.before[filled] = count;
  bits.words[filled] = 0;
  uint32_t at_start = 0;  // the count before the row
  for (int64_t row = rows.begin; row < rows.end;) {
    const int64_t word = row / kWordBits;
    const int64_t stop = std::min(rows.end, (word + 1) * kWordBits);
    uint64_t found = 0;
    for (; row < stop; ++row) {
      const int64_t behind = start_of(rows.first + row + 1) - rows.origin;
      const uint32_t at_end = count_before(bits, behind);
      uint32_t at_last = at_end;
      if constexpr (is_short) at_last = count_before(bits, std::max<int64_t>(behind - rows.short_by, 0));
      found |= uint64_t{at_last > at_start} << (row % kWordBits);
      at_start = at_end;
    }
    rows.words[word] |= found;
  }
}

/// `start_of(row)` is where a row begins among the elements.
template <class StartOf>
[[gnu::always_inline]] inline void mark_by(const Rows& rows, const StartOf& start_of) noexcept {
  constexpr int64_t kFew = 4;  // of so many rows at most one has a bit
  int64_t count = 0;
  for (size_t i = 0; i < words_of(rows); ++i) count += std::popcount(rows.bits.words[i]);
  if (count * kFew < rows.end - rows.begin) {
    mark_each(rows, start_of);
  } else if (rows.short_by > 0) {
    mark_counted<true>(rows, start_of);
  } else {
    mark_counted<false>(rows, start_of);
  }
}

[[gnu::always_inline]] inline void mark(const Rows& rows) noexcept {
  const Offsets& offsets = rows.starts.offsets;
  if (offsets.empty()) {
    mark_by(rows, StartByExtent{rows.starts.extent});
  } else if (offsets.is_narrow()) {
    mark_by(rows, StartByOffset<int32_t>{static_cast<const int32_t*>(offsets.data())});
  } else {
    mark_by(rows, StartByOffset<int64_t>{static_cast<const int64_t*>(offsets.data())});
  }
}

void mark_base(const Rows& rows) noexcept { mark(rows); }

#if defined(__x86_64__)
[[gnu::target("avx2,bmi,bmi2,popcnt")]] void mark_avx2(const Rows& rows) noexcept { mark(rows); }
#endif

}  // namespace

void mark_rows(CountedBits& bits, int64_t origin, int64_t elements, const RowStarts& starts, int64_t short_by,
               int64_t first, int64_t begin, int64_t end, uint64_t* words) noexcept {
  const Rows rows{bits, origin, elements, starts, short_by, first, begin, end, words};
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return mark_avx2(rows);
#endif
  mark_base(rows);
}

}  // namespace tql_engine
