// UTF-8, lenient where texts are read and strict where documents are checked.
#include "utf8.h"

namespace tql_engine::utf8 {

char32_t next(std::string_view text, size_t& position) noexcept {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(position);
  if (first < 0x80) return text[position++];
  const size_t length = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (length == 0 || first >= 0xF5 || position + length > text.size()) return kInvalidByte + byte(position++);
  char32_t character = first & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(position + i) & 0xC0u) != 0x80u) return kInvalidByte + byte(position++);
    character = (character << 6) | (byte(position + i) & 0x3Fu);
  }
  position += length;
  return character;
}

int character_length(const char* at, const char* end) noexcept {
  const auto byte = [&](int i) { return static_cast<unsigned char>(at[i]); };
  const auto follows = [&](int i) { return (byte(i) & 0xC0u) == 0x80u; };
  if (at == end) return 0;
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (end - at < length) return 0;
  for (int i = 1; i < length; ++i) {
    if (!follows(i)) return 0;
  }
  if (first == 0xE0 && byte(1) < 0xA0) return 0;  // longer than needed
  if (first == 0xED && byte(1) > 0x9F) return 0;  // a surrogate
  if (first == 0xF0 && byte(1) < 0x90) return 0;  // longer than needed
  if (first == 0xF4 && byte(1) > 0x8F) return 0;  // beyond Unicode
  return length;
}

char* write(char32_t c, char* out) noexcept {
  const auto push = [&](char32_t byte) { *out++ = static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) {
    push(c);
  } else if (c < 0x800) {
    push(0xC0 | (c >> 6));
    push(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    push(0xE0 | (c >> 12));
    push(0x80 | ((c >> 6) & 0x3F));
    push(0x80 | (c & 0x3F));
  } else if (c < kInvalidByte) {
    push(0xF0 | (c >> 18));
    push(0x80 | ((c >> 12) & 0x3F));
    push(0x80 | ((c >> 6) & 0x3F));
    push(0x80 | (c & 0x3F));
  } else {
    push(c - kInvalidByte);
  }
  return out;
}

}  // namespace tql_engine::utf8
