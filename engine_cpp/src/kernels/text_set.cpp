// The key of a short text is its bytes as one number or two, so that it costs a few instructions.
#include "text_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;
constexpr int64_t kWordBytes = sizeof(uint64_t);

uint64_t load(const char* bytes) noexcept {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

/// Up to eight bytes as a number. Where `has_word`, eight may be read.
[[gnu::always_inline]] inline uint64_t load_part(const char* bytes, int64_t n, bool has_word) noexcept {
  if (std::endian::native == std::endian::little && has_word && n > 0) {
    return load(bytes) & ~uint64_t{0} >> (kWordBits - 8 * n);
  }
  uint64_t word = 0;
  if (n > 0) std::memcpy(&word, bytes, static_cast<size_t>(n));
  return word;
}

/// Equal texts have equal keys. Where `has_word`, eight bytes may be read of a shorter text.
[[gnu::always_inline]] inline uint64_t key_of_text(const char* bytes, int64_t n, bool has_word) noexcept {
  const auto length = static_cast<uint64_t>(n) * 0xC2B2AE3D27D4EB4Fu;
  if (n <= kWordBytes) return load_part(bytes, n, has_word || n == kWordBytes) ^ length;
  uint64_t key = load(bytes);
  for (int64_t i = kWordBytes; i + kWordBytes < n; i += kWordBytes) key = mix_key(key) ^ load(bytes + i);
  return std::rotl(key * 0x9E3779B97F4A7C15u, 32) ^ load(bytes + n - kWordBytes) ^ length;
}

uint64_t key_of_text(std::string_view text) noexcept {
  return key_of_text(text.data(), static_cast<int64_t>(text.size()), false);
}

std::vector<uint64_t> keys_of(std::span<const std::string_view> texts) {
  std::vector<uint64_t> keys;
  for (const std::string_view text : texts) keys.push_back(key_of_text(text));
  return keys;
}

}  // namespace

TextSet::TextSet(std::span<const std::string_view> texts)
    : texts_(texts.begin(), texts.end()),
      slots_(std::bit_ceil(std::max<size_t>(4, texts.size() * 2))),
      filter_(keys_of(texts)) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    const uint64_t key = key_of_text(texts_[i]);
    if (find(texts_[i], key)) continue;
    size_t slot = static_cast<size_t>(mix_key(key) >> 32) & (slots_.size() - 1);
    while (slots_[slot].text >= 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = {key, static_cast<int64_t>(i)};
  }
}

bool TextSet::find(std::string_view text, uint64_t key) const noexcept {
  const size_t mask = slots_.size() - 1;
  for (size_t at = static_cast<size_t>(mix_key(key) >> 32) & mask; slots_[at].text >= 0;
       at = (at + 1) & mask) {
    if (slots_[at].key == key && texts_[static_cast<size_t>(slots_[at].text)] == text) return true;
  }
  return false;
}

bool TextSet::contains(std::string_view text) const noexcept {
  const uint64_t key = key_of_text(text);
  return filter_.may_contain(key) && find(text, key);
}

void TextSet::mark(const Texts& texts, int64_t first, int64_t n, uint64_t* words) const noexcept {
  texts.offsets.visit([&](const auto* starts) { mark_from(texts, starts + first, n, words); });
}

template <class Offset>
void TextSet::mark_from(const Texts& texts, const Offset* starts, int64_t n, uint64_t* words) const noexcept {
  std::array<uint64_t, kWordBits> keys;
  for (int64_t begin = 0; begin < n; begin += kWordBits) {
    const int64_t count = std::min(kWordBits, n - begin);
    const Offset* offsets = starts + begin;
    uint64_t found = 0;
    for (int64_t i = 0; i < count; ++i) {
      const bool has_word = texts.size - offsets[i] >= kWordBytes;
      keys[static_cast<size_t>(i)] =
          key_of_text(texts.data + offsets[i], offsets[i + 1] - offsets[i], has_word);
      found |= uint64_t{filter_.may_contain(keys[static_cast<size_t>(i)])} << i;
    }
    for (uint64_t left = found; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      const std::string_view text(texts.data + offsets[bit],
                                  static_cast<size_t>(offsets[bit + 1] - offsets[bit]));
      if (!find(text, keys[static_cast<size_t>(bit)])) found &= ~(uint64_t{1} << bit);
    }
    words[begin / kWordBits] = found;
  }
}

}  // namespace tql_engine
