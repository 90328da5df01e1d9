// A hash of bytes for tables in memory: never written anywhere, so it may differ between versions.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tql_engine {

/// Multiplies to 128 bits and folds them: the mixing step of wyhash (Wang Yi, 2019).
inline uint64_t fold(uint64_t left, uint64_t right) noexcept {
  const auto product = static_cast<unsigned __int128>(left) * right;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/// Equal bytes have equal hashes. Reads 8 bytes at a time; the last of them may be read twice.
inline uint64_t hash_bytes(std::string_view text) noexcept {
  constexpr uint64_t kFirst = 0x9E3779B97F4A7C15u;  // odd numbers without a pattern in their bits
  constexpr uint64_t kSecond = 0xE7037ED1A0B428DBu;
  const char* bytes = text.data();
  const size_t length = text.size();
  const auto word = [bytes](size_t at) {
    uint64_t value;
    std::memcpy(&value, bytes + at, sizeof(value));
    return value;
  };
  uint64_t hash = kFirst ^ length;
  if (length >= sizeof(uint64_t)) {
    for (size_t at = 0; at + 2 * sizeof(uint64_t) <= length; at += 2 * sizeof(uint64_t)) {
      hash = fold(word(at) ^ kSecond, word(at + sizeof(uint64_t)) ^ hash);
    }
    const size_t rest = length < 2 * sizeof(uint64_t) ? 0 : length - 2 * sizeof(uint64_t);
    return fold(word(rest) ^ kSecond, word(length - sizeof(uint64_t)) ^ hash);
  }
  uint64_t value = 0;
  if (length >= sizeof(uint32_t)) {
    uint32_t head;
    uint32_t tail;
    std::memcpy(&head, bytes, sizeof(head));
    std::memcpy(&tail, bytes + length - sizeof(tail), sizeof(tail));
    value = head | uint64_t{tail} << 32;
  } else {
    for (size_t i = 0; i < length; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  return fold(value ^ kSecond, hash);
}

/// What == says, without a call: for short texts.
inline bool same_bytes(std::string_view left, std::string_view right) noexcept {
  constexpr size_t kWord = sizeof(uint64_t);
  const size_t length = left.size();
  if (length != right.size()) return false;
  if (length < kWord || length > 8 * kWord) return left == right;
  const auto differ = [&](size_t at) {
    uint64_t words[2];
    std::memcpy(&words[0], left.data() + at, kWord);
    std::memcpy(&words[1], right.data() + at, kWord);
    return words[0] ^ words[1];
  };
  uint64_t difference = differ(length - kWord);
  for (size_t at = 0; at + kWord < length; at += kWord) difference |= differ(at);
  return difference == 0;
}

}  // namespace tql_engine
