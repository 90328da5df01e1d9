// All keys of a row as one code, so that hashing and comparing need no switch over types: the codes of the
// keys side by side where they fit into 64 bits, else a hash of them.
#pragma once

#include <cstdint>
#include <vector>

#include "key_part.h"

namespace tql_engine {

/// Spreads the bits of a number over all 64. The finaliser of MurmurHash3.
inline uint64_t mix(uint64_t value) noexcept {
  value ^= value >> 33;
  value *= 0xFF51AFD7ED558CCDu;
  value ^= value >> 33;
  value *= 0xC4CEB9FE1A85EC53u;
  return value ^ value >> 33;
}

class KeyCodes {
 public:
  static constexpr int64_t kBlock = 2048;

  KeyCodes(Execution& execution, std::span<const Key> keys, int64_t rows);

  /// The codes of rows [begin, begin + n), n <= kBlock.
  void encode(int64_t begin, int64_t n, uint64_t* codes) const noexcept;
  uint64_t code(int64_t row) const noexcept;
  /// The largest code there can be.
  uint64_t largest() const noexcept { return largest_; }
  /// Rows of equal code are equal, NULL included.
  bool exact() const noexcept { return exact_; }
  /// Whether two rows of equal code are equal.
  bool same(int64_t left, int64_t right) const noexcept {
    return exact_ || (parts_.size() == 1 ? parts_.front().same(left, right) : same_values(left, right));
  }
  /// Every row equals itself as operands do: no key is NULL or NaN.
  bool always_equal() const noexcept;
  bool equals_itself(int64_t row) const noexcept;

 private:
  bool same_values(int64_t left, int64_t right) const noexcept;

  std::vector<KeyPart> parts_;
  std::vector<int> shifts_;  // of the parts, where their codes lie side by side
  bool packed_ = true;
  bool exact_ = true;
  uint64_t largest_ = 0;
};

}  // namespace tql_engine
