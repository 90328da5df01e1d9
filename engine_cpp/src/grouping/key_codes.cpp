#include "key_codes.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace tql_engine {

KeyCodes::KeyCodes(Execution& execution, std::span<const Key> keys, int64_t rows) {
  int bits = 0;
  for (const Key& key : keys) {
    const KeyPart& part = parts_.emplace_back(execution, key, rows);
    shifts_.push_back(bits);
    bits += std::bit_width(part.largest());
    exact_ = exact_ && part.exact();
  }
  packed_ = parts_.size() == 1 || bits <= 64;
  exact_ = exact_ && packed_;
  largest_ = std::numeric_limits<uint64_t>::max();
  if (parts_.size() == 1) {
    largest_ = parts_.front().largest();
  } else if (bits < 64) {
    largest_ = (uint64_t{1} << bits) - 1;
  }
}

void KeyCodes::encode(int64_t begin, int64_t n, uint64_t* codes) const noexcept {
  if (parts_.empty()) std::fill_n(codes, n, uint64_t{0});
  if (parts_.empty()) return;
  parts_.front().encode(begin, n, codes);
  if (!packed_) {
    for (int64_t i = 0; i < n; ++i) codes[i] = mix(codes[i]);
  }
  uint64_t more[kBlock];
  for (size_t part = 1; part < parts_.size(); ++part) {
    parts_[part].encode(begin, n, more);
    if (packed_) {
      // A part of a single value has no bits, and may stand behind all 64.
      const int shift = shifts_[part];
      for (int64_t i = 0; shift < 64 && i < n; ++i) codes[i] |= more[i] << shift;
    } else {
      for (int64_t i = 0; i < n; ++i) codes[i] = mix(codes[i] ^ more[i]) + 0x9E3779B97F4A7C15u;
    }
  }
}

uint64_t KeyCodes::code(int64_t row) const noexcept {
  uint64_t result;
  encode(row, 1, &result);
  return result;
}

bool KeyCodes::same_values(int64_t left, int64_t right) const noexcept {
  return std::all_of(parts_.begin(), parts_.end(), [&](const KeyPart& part) {
    if (!packed_) {
      uint64_t codes[2];
      part.encode(left, 1, &codes[0]);
      part.encode(right, 1, &codes[1]);
      if (codes[0] != codes[1]) return false;
    }
    return part.same(left, right);
  });
}

bool KeyCodes::always_equal() const noexcept {
  return std::all_of(parts_.begin(), parts_.end(), [](const KeyPart& part) { return part.always_equal(); });
}

bool KeyCodes::equals_itself(int64_t row) const noexcept {
  return std::all_of(parts_.begin(), parts_.end(),
                     [row](const KeyPart& part) { return part.equals_itself(row); });
}

}  // namespace tql_engine
