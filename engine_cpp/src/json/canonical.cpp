// The one spelling of a value.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "item.h"
#include "reader.h"

namespace tql_engine::json {
namespace {

/// A text between quotes, with as few escapes as keep it apart from others.
void append_text(std::string_view text, std::string& out) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

template <class T>
void append_digits(T value, std::string& out) {
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), written.ptr);
}

void append_number(const Item& item, std::string& out) {
  if (item.kind() == Kind::kInteger) return append_digits(item.as_integer(), out);
  if (item.kind() == Kind::kUnsigned) return append_digits(item.as_unsigned(), out);
  const double value = item.as_double();
  if (value == std::floor(value) && value >= -0x1p63 && value < 0x1p64) {
    if (value < 0x1p63) return append_digits(static_cast<int64_t>(value), out);
    return append_digits(static_cast<uint64_t>(value), out);
  }
  append_digits(value, out);
}

/// A valid value. Recursion is bounded: documents are not deeper than kMaxDepth.
class Canonical {
 public:
  void append(std::string_view value, std::string& out) {
    if (value.front() == '[') return append_array(value, out);
    if (value.front() == '{') return append_object(value, out);
    texts_.clear();
    append_scalar(parse_item(value, texts_), out);
  }

  static void append_scalar(const Item& item, std::string& out) {
    if (item.is_text()) return append_text(item.bytes(), out);
    if (item.is_number()) return append_number(item, out);
    out += "null";
  }

 private:
  void append_array(std::string_view value, std::string& out) {
    out.push_back('[');
    for_each_element(value, [&](std::string_view element) {
      append(element, out);
      out.push_back(',');
    });
    out.push_back(']');
  }

  void append_object(std::string_view value, std::string& out) {
    struct Member {
      std::string key;
      std::string_view value;
    };
    std::vector<Member> members;
    for_each_member(value, [&](const Key& key, std::string_view member) {
      std::string name(key.raw.size(), '\0');
      name.resize(static_cast<size_t>(unescape(key.raw, name.data()) - name.data()));
      members.push_back({std::move(name), member});
    });
    std::stable_sort(members.begin(), members.end(),
                     [](const Member& left, const Member& right) { return left.key < right.key; });
    out.push_back('{');
    for (size_t i = 0; i < members.size(); ++i) {
      if (i + 1 < members.size() && members[i].key == members[i + 1].key) continue;  // the last one counts
      append_text(members[i].key, out);
      out.push_back(':');
      append(members[i].value, out);
      out.push_back(',');
    }
    out.push_back('}');
  }

  TextArena texts_;
};

}  // namespace

void append_canonical(const Item& item, std::string& out) {
  if (!item.is_composite()) return Canonical::append_scalar(item, out);
  Canonical().append(item.bytes(), out);
}

void append_number(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "Infinity" : "-Infinity";
  } else {
    const size_t start = out.size();
    append_digits(value, out);
    if (out.find_first_not_of("-0123456789", start) == std::string::npos) out += ".0";
  }
}

}  // namespace tql_engine::json
