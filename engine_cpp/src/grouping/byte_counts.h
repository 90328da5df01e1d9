// How often each value comes among bytes.
#pragma once

#include <cstdint>

namespace tql_engine {

/// Values up to this many are counted by comparing; more of them each have a counter to go to.
inline constexpr int64_t kComparedBytes = 32;
/// Counters of one value, side by side, so that equal neighbours need not wait for each other.
inline constexpr int64_t kByteLanes = 8;
/// What is counted at once, at most: bytes in vectors of 16, for each of which a counter goes up to 255.
inline constexpr int64_t kMostBytes = 63 * 64;

/// Adds to counts[v] for each byte v; all of them are below `range` <= kComparedBytes. The bytes up to the
/// next multiple of 64 behind the n are overwritten.
void count_few_bytes(uint8_t* bytes, int64_t n, int64_t range, uint32_t* counts) noexcept;

/// Adds to counts[lane * range + v]; which lane a byte counts in says nothing.
void count_bytes(const uint8_t* bytes, int64_t n, int64_t range, uint32_t* counts) noexcept;

}  // namespace tql_engine
