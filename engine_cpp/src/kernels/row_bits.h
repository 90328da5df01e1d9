// From bits of elements to bits of rows: which rows have some element whose bit is set. The elements of many
// rows go through at once, and a row costs a few instructions whatever its length.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "tql_engine/offsets.h"

namespace tql_engine {

/// Where rows begin among the elements: offsets[row], or row * extent where there are no offsets.
struct RowStarts {
  Offsets offsets{};
  int64_t extent = 0;

  int64_t at(int64_t row) const noexcept {
    return offsets.empty() ? row * extent : offsets[static_cast<size_t>(row)];
  }
};

/// Bits of some elements with their running count: the number of bits before each word.
struct CountedBits {
  static constexpr int64_t kWordBits = 64;
  static constexpr int64_t kMost = 1 << 16;  // elements
  static constexpr size_t kWords = kMost / kWordBits;

  // One word more, so that the count before the end is there too.
  alignas(64) std::array<uint64_t, kWords + 1> words;
  std::array<uint32_t, kWords + 1> before;
};

/// ORs into bit i of `words`, for i of [begin, end), whether row `first` + i has a bit among its elements but
/// the last `short_by`. `bits` are those of the elements from `origin` on; all but the count is filled in.
void mark_rows(CountedBits& bits, int64_t origin, int64_t elements, const RowStarts& starts, int64_t short_by,
               int64_t first, int64_t begin, int64_t end, uint64_t* words) noexcept;

/// Bit i of `words` becomes whether some element of row `first` + i, but the last `short_by`, has its bit.
/// fill(element, n, bits) writes the bits of n elements; those behind n in the last word become 0.
template <class Fill>
void any_of_rows(const RowStarts& starts, int64_t short_by, int64_t first, int64_t n, uint64_t* words,
                 const Fill& fill) {
  std::fill_n(words, (n + CountedBits::kWordBits - 1) / CountedBits::kWordBits, uint64_t{0});
  CountedBits bits;
  for (int64_t row = 0; row < n;) {
    const int64_t origin = starts.at(first + row);
    int64_t stop = n;  // of the rows whose elements fit
    if (starts.at(first + n) - origin > CountedBits::kMost) {
      int64_t low = row;
      while (stop - low > 1) {
        const int64_t middle = low + (stop - low) / 2;
        (starts.at(first + middle) - origin <= CountedBits::kMost ? low : stop) = middle;
      }
      stop = low;
    }
    if (stop > row) {
      const int64_t elements = starts.at(first + stop) - origin;
      fill(origin, elements, bits.words.data());
      mark_rows(bits, origin, elements, starts, short_by, first, row, stop, words);
      row = stop;
      continue;
    }
    // A row that is too long for it goes piece by piece.
    bool found = false;
    const int64_t end = starts.at(first + row + 1) - short_by;
    for (int64_t at = origin; at < end && !found; at += CountedBits::kMost) {
      const int64_t elements = std::min(CountedBits::kMost, end - at);
      fill(at, elements, bits.words.data());
      const auto* last = bits.words.data() + (elements + CountedBits::kWordBits - 1) / CountedBits::kWordBits;
      found = std::any_of(static_cast<const uint64_t*>(bits.words.data()), last,
                          [](uint64_t word) { return word != 0; });
    }
    words[row / CountedBits::kWordBits] |= uint64_t{found} << (row % CountedBits::kWordBits);
    ++row;
  }
}

}  // namespace tql_engine
