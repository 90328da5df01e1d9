// Loops that turn the values of a column into bits: one pass from the column's buffer into a bitmap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tql_engine/compare.h"
#include "tql_engine/types.h"

namespace tql_engine {

/// Bit i of `words` becomes the truth for values[i]; bits behind n in the last word become 0. What `operand`
/// points to is the loop's own: a constant, a set.
using MaskLoop = void (*)(const void* values, const void* operand, int64_t n, uint64_t* words);

/// values[i] compared with a constant of the same element. Null for elements without one.
MaskLoop compare_mask_loop(CompareOp op, Element element) noexcept;

/// The ends of a range, each one value of the column's element.
struct RangeEnds {
  alignas(8) std::array<std::byte, 8> low{};
  alignas(8) std::array<std::byte, 8> high{};
};

/// values[i] between RangeEnds. Of integers both ends belong to the range; of floats `open_low` and
/// `open_high` leave them out. Null for elements without one.
MaskLoop range_mask_loop(bool open_low, bool open_high, Element element) noexcept;

/// Bit i of `words` becomes whether bytes[i] is not 0; bits behind n in the last word become 0.
void mark_nonzero(const uint8_t* bytes, int64_t n, uint64_t* words) noexcept;
/// Clears bit i where bytes[i] is 0.
void keep_nonzero(const uint8_t* bytes, int64_t n, uint64_t* words) noexcept;

/// Integers from `first` on, a bit for each: a set that fits into one vector register.
struct SmallSet {
  static constexpr int64_t kBits = 512;

  uint64_t first;  // keys wrap around, so signed integers need no care
  alignas(64) std::array<uint32_t, kBits / 32> words;
};

/// A few items of the column's element, to be compared one by one; none of them is NaN.
struct FewItems {
  static constexpr int64_t kMost = 32;

  int64_t count;
  alignas(8) std::array<std::byte, kMost * 8> items;
};

/// values[i] equal to one of FewItems; null for elements without one.
MaskLoop few_items_mask_loop(Element element) noexcept;

/// values[i] in a SmallSet; null where the processor has no loop for it, and for elements that are no
/// integers.
MaskLoop small_set_mask_loop(Element element) noexcept;

/// 64 bytes that are 0 or 1 as 64 bits.
using PackBytes = uint64_t (*)(const uint8_t* bytes);
PackBytes pack_bytes() noexcept;

}  // namespace tql_engine
