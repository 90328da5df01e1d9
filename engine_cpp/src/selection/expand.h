// Bits to row numbers and to counts, by whatever the processor has for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tql_engine {

/// Writes base + i for the bits i that are set in `words`, ascending, until `out` is full or there are no
/// more. Returns how many were written. Writes nothing beyond `out`.
size_t expand_bits(std::span<const uint64_t> words, int64_t base, std::span<int64_t> out) noexcept;

/// How many bits are set.
int64_t count_bits(std::span<const uint64_t> words) noexcept;

}  // namespace tql_engine
