// UTF-8, character by character.
#pragma once

#include <cstddef>
#include <string_view>

namespace tql_engine::utf8 {

inline constexpr char32_t kInvalidByte = 0x110000;  // beyond Unicode: kInvalidByte + a byte that is no UTF-8

/// The character at text[position], and moves behind it. A byte that is no UTF-8 counts as a character of its
/// own.
char32_t next(std::string_view text, size_t& position) noexcept;

/// Bytes of the character at `at`, 0 unless it is one by the letter of the standard (shortest form, no
/// surrogate).
int character_length(const char* at, const char* end) noexcept;

/// Writes up to four bytes and returns their end; an invalid byte becomes itself again.
char* write(char32_t character, char* out) noexcept;

}  // namespace tql_engine::utf8
