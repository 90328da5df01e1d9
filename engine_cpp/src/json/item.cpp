// From bytes to items, and their comparison.
#include "item.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "reader.h"

namespace tql_engine::json {
namespace {

/// What std::from_chars leaves open: whether a number out of range is too large or too small to tell from 0.
double saturated(std::string_view token) noexcept {
  const bool negative = token.front() == '-';
  int64_t digits_before = 0;  // of the point, from the first that is not 0; below 0: zeros behind the point
  bool seen = false;
  bool behind_point = false;
  size_t at = negative ? 1 : 0;
  for (; at < token.size() && token[at] != 'e' && token[at] != 'E'; ++at) {
    if (token[at] == '.') {
      behind_point = true;
      continue;
    }
    seen = seen || token[at] != '0';
    if (seen && !behind_point) ++digits_before;
    if (!seen && behind_point) --digits_before;
  }
  int64_t exponent = 0;
  if (at < token.size()) {
    const size_t digits = at + 1 + (token[at + 1] == '+' ? 1 : 0);
    const auto parsed = std::from_chars(token.data() + digits, token.data() + token.size(), exponent);
    if (parsed.ec == std::errc::result_out_of_range) {
      exponent = token[digits] == '-' ? std::numeric_limits<int32_t>::min() * int64_t{1 << 16}
                                      : std::numeric_limits<int32_t>::max() * int64_t{1 << 16};
    }
  }
  const bool large = seen && digits_before + exponent > 0;
  const double value = large ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -value : value;
}

/// A valid number token.
Item parse_number(std::string_view token, bool integral) noexcept {
  const char* first = token.data();
  const char* last = first + token.size();
  if (token == "NaN") return Item::number(std::numeric_limits<double>::quiet_NaN());
  if (token == "Infinity") return Item::number(std::numeric_limits<double>::infinity());
  if (token == "-Infinity") return Item::number(-std::numeric_limits<double>::infinity());
  if (integral) {
    int64_t small = 0;
    if (std::from_chars(first, last, small).ec == std::errc{}) return Item::integer(small);
    uint64_t large = 0;
    if (*first != '-' && std::from_chars(first, last, large).ec == std::errc{}) return Item::number(large);
  }
  double value = 0;
  const auto parsed = std::from_chars(first, last, value);
  return Item::number(parsed.ec == std::errc{} ? value : saturated(token));
}

template <class L, class R>
bool ordered(CompareOp op, const L& left, const R& right) noexcept {
  switch (op) {
    case CompareOp::kEqual:
      return Equal::apply(left, right);
    case CompareOp::kNotEqual:
      return NotEqual::apply(left, right);
    case CompareOp::kLess:
      return Less::apply(left, right);
    case CompareOp::kLessEqual:
      return LessEqual::apply(left, right);
    case CompareOp::kGreater:
      return Greater::apply(left, right);
    case CompareOp::kGreaterEqual:
      return GreaterEqual::apply(left, right);
  }
  return false;
}

bool compare_numbers(CompareOp op, const Item& left, const Item& right) noexcept {
  const bool left_integer = left.kind() != Kind::kDouble;
  const bool right_integer = right.kind() != Kind::kDouble;
  if (!left_integer || !right_integer) return ordered(op, left.as_double(), right.as_double());
  if (left.kind() == Kind::kInteger && right.kind() == Kind::kInteger) {
    return ordered(op, left.as_integer(), right.as_integer());
  }
  if (left.kind() == Kind::kInteger) return ordered(op, left.as_integer(), right.as_unsigned());
  if (right.kind() == Kind::kInteger) return ordered(op, left.as_unsigned(), right.as_integer());
  return ordered(op, left.as_unsigned(), right.as_unsigned());
}

}  // namespace

double Item::as_double() const noexcept {
  switch (kind()) {
    case Kind::kInteger:
      return static_cast<double>(as_integer());
    case Kind::kUnsigned:
      return static_cast<double>(as_unsigned());
    default:
      return std::bit_cast<double>(payload_);
  }
}

Item parse_item(std::string_view text, TextArena& texts) {
  const char* end = text.data() + text.size();
  const char* at = skip_space(text.data(), end);
  if (at == end) return Item::null();
  if (*at == '{' || *at == '[') {
    const std::string_view whole = document(text);
    return whole.empty() ? Item::null() : Item::view(*at == '{' ? Kind::kObject : Kind::kArray, whole);
  }
  bool flag = false;  // of a string: escaped; of a number: integral
  const char* behind = *at == '"' ? skip_string(at, end, flag) : skip_number(at, end, flag);
  if (behind == nullptr) {
    const std::string_view word = document(text);
    if (word == "true") return Item::boolean(true);
    return word == "false" ? Item::boolean(false) : Item::null();
  }
  if (skip_space(behind, end) != end) return Item::null();
  const std::string_view token(at, static_cast<size_t>(behind - at));
  if (*at != '"') return parse_number(token, flag);
  const std::string_view raw = token.substr(1, token.size() - 2);
  if (!flag) return Item::text(raw);
  return Item::text(texts.close(unescape(raw, texts.open(raw.size()))));
}

bool compare(CompareOp op, const Item& left, const Item& right) {
  if (left.kind() == Kind::kNull || right.kind() == Kind::kNull) return false;
  if (left.is_number() && right.is_number()) return compare_numbers(op, left, right);
  if (left.is_text() && right.is_text()) return ordered(op, left.bytes(), right.bytes());
  if (op != CompareOp::kEqual && op != CompareOp::kNotEqual) return false;
  bool equal = left.kind() == right.kind();
  if (equal) {
    std::string first;
    std::string second;
    append_canonical(left, first);
    append_canonical(right, second);
    equal = first == second;
  }
  return equal == (op == CompareOp::kEqual);
}

}  // namespace tql_engine::json
