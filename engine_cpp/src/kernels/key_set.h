// Sets of numbers as 64-bit keys.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
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

/// A set of 64-bit keys in an open table that is at most half full.
class KeySet {
 public:
  explicit KeySet(const std::vector<uint64_t>& keys = {}) {
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

  bool contains(uint64_t key) const noexcept {
    for (size_t slot = first_slot(key); used_[slot] != 0; slot = (slot + 1) & mask_) {
      if (slots_[slot] == key) return true;
    }
    return false;
  }

 private:
  size_t first_slot(uint64_t key) const noexcept {
    const uint64_t mixed = (key ^ (key >> 32)) * 0x9E3779B97F4A7C15u;
    return static_cast<size_t>(mixed >> 32) & mask_;
  }

  size_t mask_;
  std::vector<uint64_t> slots_;
  std::vector<uint8_t> used_;
};

}  // namespace tql_engine
