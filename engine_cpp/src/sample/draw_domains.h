// Which random numbers of a stream each step of a draw takes.
#pragma once

#include <cstdint>

namespace tql_engine {

// With replacement.
inline constexpr uint8_t kSplitDomain = 0;   // draws of each block
inline constexpr uint8_t kClassDomain = 10;  // draws of each class of rows of one weight
inline constexpr uint8_t kSpareDomain = 11;
inline constexpr uint8_t kRowDomain = 5;
inline constexpr uint8_t kOrderDomain = 6;  // and the two behind it

// Without replacement.
inline constexpr uint8_t kPrefixDomain = 1;  // the upper 16 bits of a row's number, four rows to a word
inline constexpr uint8_t kRestDomain = 9;    // the lower 48

// Random orders.
inline constexpr uint8_t kPermutationDomain = 2;  // and the two behind it

}  // namespace tql_engine
