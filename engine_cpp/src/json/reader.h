// JSON documents as bytes (RFC 8259, and the words NaN, Infinity, -Infinity, which Python writes): where a
// value ends, and what an array or an object consists of. Everything that is stepped over is checked, UTF-8
// and escapes included, so a document that was stepped over as a whole is a valid one. Nothing is built.
//
// Bytes that are no document are no error here: every function then says so by a null pointer or an empty
// view, and the kernels make NULL of it. The same holds for documents nested more than kMaxDepth deep.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tql_engine::json {

inline constexpr int kMaxDepth = 512;

/// Behind the white space at `at`.
inline const char* skip_space(const char* at, const char* end) noexcept {
  while (at != end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) ++at;
  return at;
}

/// Behind the string that begins at `at` with a quote; null if there is none. `escaped`: whether it has an
/// escape.
const char* skip_string(const char* at, const char* end, bool& escaped) noexcept;

/// Behind the number at `at`, null if there is none. `integral`: it has neither a fraction nor an exponent.
const char* skip_number(const char* at, const char* end, bool& integral) noexcept;

/// Behind the value at `at` (white space before it is none of it), null if there is none. `depth`: how many
/// arrays and objects are open around it.
const char* skip_value(const char* at, const char* end, int depth) noexcept;

/// The document without white space around it; empty if the text is none.
std::string_view document(std::string_view text) noexcept;

/// What lies between the quotes of a valid string token, escapes replaced: at most as many bytes as `raw`
/// has, written to `out`; returns their end. Half of a surrogate pair without the other becomes U+FFFD, so
/// the result is valid UTF-8.
char* unescape(std::string_view raw, char* out) noexcept;

/// Appends a text as a string token.
void append_quoted(std::string_view text, std::string& out);

/// A member's name as it stands between its quotes.
struct Key {
  std::string_view raw;
  bool escaped;

  bool equals(std::string_view text) const;
};

/// Calls visit(value) for the elements of the array at `at` and returns its end; null if there is no array or
/// it is broken, then after some calls.
template <class Visit>
const char* for_each_element(const char* at, const char* end, Visit&& visit) {
  if (at == end || *at != '[') return nullptr;
  at = skip_space(at + 1, end);
  if (at != end && *at == ']') return at + 1;
  for (;;) {
    at = skip_space(at, end);
    const char* behind = skip_value(at, end, 1);
    if (behind == nullptr) return nullptr;
    visit(std::string_view(at, static_cast<size_t>(behind - at)));
    at = skip_space(behind, end);
    if (at == end || (*at != ',' && *at != ']')) return nullptr;
    if (*at++ == ']') return at;
  }
}

/// Calls visit(key, value) for the members of the object at `at`, repeated keys included; otherwise like
/// for_each_element.
template <class Visit>
const char* for_each_member(const char* at, const char* end, Visit&& visit) {
  if (at == end || *at != '{') return nullptr;
  at = skip_space(at + 1, end);
  if (at != end && *at == '}') return at + 1;
  for (;;) {
    at = skip_space(at, end);
    Key key{};
    const char* behind = skip_string(at, end, key.escaped);
    if (behind == nullptr) return nullptr;
    key.raw = {at + 1, static_cast<size_t>(behind - at) - 2};
    at = skip_space(behind, end);
    if (at == end || *at != ':') return nullptr;
    at = skip_space(at + 1, end);
    behind = skip_value(at, end, 1);
    if (behind == nullptr) return nullptr;
    visit(key, std::string_view(at, static_cast<size_t>(behind - at)));
    at = skip_space(behind, end);
    if (at == end || (*at != ',' && *at != '}')) return nullptr;
    if (*at++ == '}') return at;
  }
}

/// The same for the whole of a text: false unless it is one array (object) and nothing else.
template <class Visit>
bool for_each_element(std::string_view text, Visit&& visit) {
  const char* end = text.data() + text.size();
  const char* behind = for_each_element(skip_space(text.data(), end), end, visit);
  return behind != nullptr && skip_space(behind, end) == end;
}
template <class Visit>
bool for_each_member(std::string_view text, Visit&& visit) {
  const char* end = text.data() + text.size();
  const char* behind = for_each_member(skip_space(text.data(), end), end, visit);
  return behind != nullptr && skip_space(behind, end) == end;
}

}  // namespace tql_engine::json
