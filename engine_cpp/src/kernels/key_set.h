// Sets of numbers as 64-bit keys, behind a filter that sends most other keys away without a branch.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace tql_engine {

/// Equal numbers have equal keys; NaN has none.
template <class T>
uint64_t key_of(T value) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<uint64_t>(value == 0 ? 0.0 : static_cast<double>(value));
  } else {
    return static_cast<uint64_t>(value);
  }
}

[[gnu::always_inline]] inline uint64_t mix_key(uint64_t key) noexcept {
  return (key ^ (key >> 32)) * 0x9E3779B97F4A7C15u;
}

/// Keys that may be in a set: a bit for each hash, of which at most one in kBitsPerKey is set.
class KeyFilter {
 public:
  static constexpr size_t kBitsPerKey = 16;

  explicit KeyFilter(std::span<const uint64_t> keys) {
    const size_t bits = std::bit_ceil(std::max<size_t>(512, keys.size() * kBitsPerKey));
    shift_ = 64 - std::countr_zero(bits);
    words_.resize(bits / 64);
    for (const uint64_t key : keys) {
      const uint64_t at = mix_key(key) >> shift_;
      words_[at / 64] |= uint64_t{1} << (at % 64);
    }
  }

  [[gnu::always_inline]] bool may_contain(uint64_t key) const noexcept {
    const uint64_t at = mix_key(key) >> shift_;
    return (words_[at / 64] >> (at % 64) & 1) != 0;
  }

 private:
  int shift_;
  std::vector<uint64_t> words_;
};

/// A set of 64-bit keys in an open table that is at most half full.
class KeySet {
 public:
  explicit KeySet(const std::vector<uint64_t>& keys = {}) : filter_(keys) {
    const size_t size = std::bit_ceil(std::max<size_t>(4, keys.size() * 2));
    mask_ = size - 1;
    slots_.resize(size);
    used_.resize(size);
    for (const uint64_t key : keys) {
      size_t slot = first_slot(key);
      while (used_[slot] != 0 && slots_[slot] != key) slot = (slot + 1) & mask_;
      slots_[slot] = key;
      used_[slot] = 1;
    }
  }

  const KeyFilter& filter() const noexcept { return filter_; }

  bool contains(uint64_t key) const noexcept {
    for (size_t slot = first_slot(key); used_[slot] != 0; slot = (slot + 1) & mask_) {
      if (slots_[slot] == key) return true;
    }
    return false;
  }

 private:
  size_t first_slot(uint64_t key) const noexcept { return static_cast<size_t>(mix_key(key) >> 32) & mask_; }

  KeyFilter filter_;
  size_t mask_;
  std::vector<uint64_t> slots_;
  std::vector<uint8_t> used_;
};

}  // namespace tql_engine
