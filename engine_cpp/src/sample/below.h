// Random integers below a bound, from 32 random bits each.
#pragma once

#include <cstdint>

#include "tql_engine/random.h"

namespace tql_engine {

/// In [0, bound), every value equally likely: Lemire's multiplication, as RandomStream::bounded, of 32 bits.
/// The few of them that are rejected are replaced by number `item` of `spare`.
inline uint64_t below(uint64_t bound, uint32_t bits, const RandomStream& spare, uint64_t item) noexcept {
  if (bound >> 32 != 0) return spare.bounded(item, bound);
  const uint64_t product = bound * bits;
  const auto low = static_cast<uint32_t>(product);
  if (low < bound && low < (uint64_t{1} << 32) % bound) return spare.bounded(item, bound);
  return product >> 32;
}

}  // namespace tql_engine
