// Keys as numbers: one 64-bit code per row, so that hashing and comparing need no switch over types.
#pragma once

#include <cstdint>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/grouping.h"
#include "tql_engine/heap_array.h"

namespace tql_engine {

/// Spreads the bits of a number over all 64.
inline uint64_t mix(uint64_t value) noexcept {
  value ^= value >> 33;
  value *= 0xFF51AFD7ED558CCDu;
  value ^= value >> 33;
  value *= 0xC4CEB9FE1A85EC53u;
  return value ^ value >> 33;
}

/// The codes of one key.
class KeyCodes {
 public:
  KeyCodes(Execution& execution, Key key, int64_t rows);

  /// Of numbers the value itself, of texts a hash.
  uint64_t code(int64_t row) const noexcept { return codes_.values()[static_cast<size_t>(row)]; }
  /// Rows of equal code are equal, NULL included.
  bool exact() const noexcept { return exact_; }
  /// Codes are integers in two's complement, so that their range says something.
  bool integral() const noexcept { return integral_; }
  /// Whether two rows of equal code are equal.
  bool same(int64_t left, int64_t right) const noexcept;

 private:
  struct Place {
    const Column* column;
    int64_t row;
  };
  Place place(int64_t row) const noexcept;

  Key key_;
  std::vector<int64_t> starts_;  // of the pieces
  HeapArray<uint64_t> codes_;
  bool exact_ = true;
  bool integral_ = false;
};

}  // namespace tql_engine
