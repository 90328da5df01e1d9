// Steps over values without recursion: what is open is one bit per level.
#include "reader.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "../text/utf8.h"

namespace tql_engine::json {
namespace {

constexpr uint64_t kOnes = 0x0101010101010101u;
constexpr uint64_t kHighs = kOnes << 7;

/// Whether one of eight bytes ends a run of plain characters: a quote, a backslash, a control character, or
/// anything beyond ASCII. May say yes too often, never too rarely.
bool has_special(uint64_t word) noexcept {
  const uint64_t quote = word ^ (kOnes * '"');
  const uint64_t slash = word ^ (kOnes * '\\');
  return (((quote - kOnes) | (slash - kOnes) | (word - kOnes * 0x20) | word) & kHighs) != 0;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

const char* skip_digits(const char* at, const char* end) noexcept {
  while (at != end && is_digit(*at)) ++at;
  return at;
}

/// Behind the word at `at`, null if it is not there.
const char* skip_word(const char* at, const char* end, std::string_view word) noexcept {
  if (static_cast<size_t>(end - at) < word.size() || std::memcmp(at, word.data(), word.size()) != 0) {
    return nullptr;
  }
  return at + word.size();
}

/// -1 for what is no hexadecimal digit.
int hex_digit(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The four hexadecimal digits at `at`, which are there.
char32_t hex_unit(const char* at) noexcept {
  char32_t unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit * 16 + static_cast<char32_t>(hex_digit(at[i]));
  return unit;
}

/// Behind the escape whose backslash is at `at`, null if it is none.
const char* skip_escape(const char* at, const char* end) noexcept {
  if (end - at < 2) return nullptr;
  if (at[1] != 'u') return std::strchr("\"\\/bfnrt", at[1]) != nullptr && at[1] != '\0' ? at + 2 : nullptr;
  if (end - at < 6) return nullptr;
  for (int i = 2; i < 6; ++i) {
    if (hex_digit(at[i]) < 0) return nullptr;
  }
  return at + 6;
}

/// The arrays and objects that are open, innermost last.
class Nesting {
 public:
  explicit Nesting(int depth) noexcept : outer_(depth), depth_(depth) {}

  bool open(bool is_object) noexcept {
    if (depth_ == kMaxDepth) return false;
    const auto word = static_cast<size_t>(depth_ / 64);
    const uint64_t bit = uint64_t{1} << (depth_ % 64);
    objects_[word] = is_object ? objects_[word] | bit : objects_[word] & ~bit;
    ++depth_;
    return true;
  }
  void close() noexcept { --depth_; }
  bool empty() const noexcept { return depth_ == outer_; }
  bool in_object() const noexcept {
    const int top = depth_ - 1;
    return (objects_[static_cast<size_t>(top / 64)] >> (top % 64) & 1) != 0;
  }

 private:
  int outer_;
  int depth_;
  std::array<uint64_t, kMaxDepth / 64> objects_{};
};

/// Behind the key and the colon at `at`, null if they are not there.
const char* skip_key(const char* at, const char* end) noexcept {
  bool escaped = false;
  at = skip_string(at, end, escaped);
  if (at == nullptr) return nullptr;
  at = skip_space(at, end);
  return at != end && *at == ':' ? at + 1 : nullptr;
}

const char* skip_scalar(const char* at, const char* end) noexcept {
  bool flag = false;
  switch (*at) {
    case '"':
      return skip_string(at, end, flag);
    case 't':
      return skip_word(at, end, "true");
    case 'f':
      return skip_word(at, end, "false");
    case 'n':
      return skip_word(at, end, "null");
    default:
      return skip_number(at, end, flag);
  }
}

}  // namespace

const char* skip_string(const char* at, const char* end, bool& escaped) noexcept {
  escaped = false;
  if (at == end || *at != '"') return nullptr;
  ++at;
  for (;;) {
    for (uint64_t word = 0; end - at >= 8; at += 8) {
      std::memcpy(&word, at, 8);
      if (has_special(word)) break;
    }
    if (at == end) return nullptr;
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"') return at + 1;
    if (byte == '\\') {
      escaped = true;
      at = skip_escape(at, end);
      if (at == nullptr) return nullptr;
    } else if (byte < 0x20) {
      return nullptr;
    } else if (byte < 0x80) {
      ++at;
    } else {
      const int length = utf8::character_length(at, end);
      if (length == 0) return nullptr;
      at += length;
    }
  }
}

const char* skip_number(const char* at, const char* end, bool& integral) noexcept {
  integral = true;
  if (at != end && *at == 'N') return skip_word(at, end, "NaN");
  if (at != end && *at == '-') ++at;
  if (at == end) return nullptr;
  if (*at == 'I') return skip_word(at, end, "Infinity");
  if (!is_digit(*at)) return nullptr;
  at = *at == '0' ? at + 1 : skip_digits(at, end);
  if (at != end && *at == '.') {
    integral = false;
    const char* fraction = at + 1;
    at = skip_digits(fraction, end);
    if (at == fraction) return nullptr;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    integral = false;
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    const char* exponent = at;
    at = skip_digits(exponent, end);
    if (at == exponent) return nullptr;
  }
  return at;
}

const char* skip_value(const char* at, const char* end, int depth) noexcept {
  Nesting nesting(depth);
  for (;;) {
    at = skip_space(at, end);
    if (at == end) return nullptr;
    if (*at == '{' || *at == '[') {
      const bool is_object = *at == '{';
      if (!nesting.open(is_object)) return nullptr;
      at = skip_space(at + 1, end);
      if (at == end) return nullptr;
      if (*at != (is_object ? '}' : ']')) {
        if (is_object) at = skip_key(at, end);
        if (at == nullptr) return nullptr;
        continue;
      }
      nesting.close();
      ++at;
    } else {
      at = skip_scalar(at, end);
      if (at == nullptr) return nullptr;
    }
    for (;;) {  // behind a value
      if (nesting.empty()) return at;
      at = skip_space(at, end);
      if (at == end) return nullptr;
      const bool in_object = nesting.in_object();
      if (*at == ',') {
        ++at;
        if (in_object) at = skip_key(skip_space(at, end), end);
        if (at == nullptr) return nullptr;
        break;
      }
      if (*at != (in_object ? '}' : ']')) return nullptr;
      nesting.close();
      ++at;
    }
  }
}

std::string_view document(std::string_view text) noexcept {
  const char* end = text.data() + text.size();
  const char* start = skip_space(text.data(), end);
  const char* behind = skip_value(start, end, 0);
  if (behind == nullptr || skip_space(behind, end) != end) return {};
  return {start, static_cast<size_t>(behind - start)};
}

char* unescape(std::string_view raw, char* out) noexcept {
  const char* at = raw.data();
  const char* end = at + raw.size();
  while (at != end) {
    if (*at != '\\') {
      *out++ = *at++;
      continue;
    }
    const char kind = at[1];
    at += 2;
    switch (kind) {
      case 'b':
        *out++ = '\b';
        break;
      case 'f':
        *out++ = '\f';
        break;
      case 'n':
        *out++ = '\n';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'u': {
        char32_t character = hex_unit(at);
        at += 4;
        const bool paired = character >= 0xD800 && character < 0xDC00 && end - at >= 6 && at[0] == '\\' &&
                            at[1] == 'u' && hex_unit(at + 2) >= 0xDC00 && hex_unit(at + 2) < 0xE000;
        if (paired) {
          character = 0x10000 + ((character - 0xD800) << 10) + (hex_unit(at + 2) - 0xDC00);
          at += 6;
        } else if (character >= 0xD800 && character < 0xE000) {
          character = 0xFFFD;
        }
        out = utf8::write(character, out);
        break;
      }
      default:
        *out++ = kind;
    }
  }
  return out;
}

void append_quoted(std::string_view text, std::string& out) {
  constexpr const char* kDigits = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

bool Key::equals(std::string_view text) const {
  if (!escaped) return raw == text;
  if (text.size() > raw.size()) return false;
  std::string decoded(raw.size(), '\0');
  decoded.resize(static_cast<size_t>(unescape(raw, decoded.data()) - decoded.data()));
  return decoded == text;
}

}  // namespace tql_engine::json
