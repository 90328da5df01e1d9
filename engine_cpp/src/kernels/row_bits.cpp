// A row has a bit if the count before its end is larger than the one before its start.
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

/// `start_of(row)` is where a row begins among the elements.
template <bool is_short, class StartOf>
[[gnu::always_inline]] inline void mark_body(const Rows& rows, const StartOf& start_of) noexcept {
  CountedBits& bits = rows.bits;
  const auto filled = static_cast<size_t>((rows.elements + kWordBits - 1) / kWordBits);
  uint32_t count = 0;
  for (size_t i = 0; i < filled; ++i) {
    bits.before[i] = count;
    count += static_cast<uint32_t>(std::popcount(bits.words[i]));
  }
  bits.before[filled] = count;
  bits.words[filled] = 0;
  if (count == 0) return;
  // Where few rows have a bit, most groups of rows have none: one look at their end says so.
  constexpr int64_t kGroup = 8;
  const bool is_sparse = int64_t{count} * kGroup < rows.end - rows.begin;
  uint32_t at_start = 0;  // the count before the row
  for (int64_t row = rows.begin; row < rows.end;) {
    const int64_t word = row / kWordBits;
    const int64_t in_word = std::min(rows.end, (word + 1) * kWordBits);
    const int64_t stop = is_sparse ? std::min(in_word, row + kGroup) : in_word;
    if (is_sparse && count_before(bits, start_of(rows.first + stop) - rows.origin) == at_start) {
      row = stop;
      continue;
    }
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

template <class StartOf>
[[gnu::always_inline]] inline void mark_by(const Rows& rows, const StartOf& start_of) noexcept {
  if (rows.short_by > 0) {
    mark_body<true>(rows, start_of);
  } else {
    mark_body<false>(rows, start_of);
  }
}

template <class Offset>
struct StartByOffset {
  const Offset* offsets;
  [[gnu::always_inline]] int64_t operator()(int64_t row) const noexcept { return offsets[row]; }
};

struct StartByExtent {
  int64_t extent;
  [[gnu::always_inline]] int64_t operator()(int64_t row) const noexcept { return row * extent; }
};

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
