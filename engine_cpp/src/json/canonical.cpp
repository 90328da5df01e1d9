// The one spelling of a value.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
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

void append_scalar(const Item& item, std::string& out) {
  if (item.is_text()) return append_text(item.bytes(), out);
  if (item.is_number()) return append_number(item, out);
  out += "null";
}

/// An array or an object that is being written.
struct Open {
  struct Entry {
    std::string key;  // of a member
    std::string_view value;
  };
  bool is_object;
  std::vector<Entry> entries;
  size_t next = 0;
};

std::vector<Open::Entry> elements_of(std::string_view array) {
  std::vector<Open::Entry> elements;
  for_each_element(array, [&](std::string_view element) { elements.push_back({{}, element}); });
  return elements;
}

/// Sorted by key; of equal keys the last one.
std::vector<Open::Entry> members_of(std::string_view object) {
  std::vector<Open::Entry> members;
  for_each_member(object, [&](const Key& key, std::string_view value) {
    std::string name(key.raw.size(), '\0');
    name.resize(static_cast<size_t>(unescape(key.raw, name.data()) - name.data()));
    members.push_back({std::move(name), value});
  });
  std::reverse(members.begin(), members.end());
  const auto by_key = [](const Open::Entry& left, const Open::Entry& right) { return left.key < right.key; };
  const auto same_key = [](const Open::Entry& left, const Open::Entry& right) {
    return left.key == right.key;
  };
  std::stable_sort(members.begin(), members.end(), by_key);
  members.erase(std::unique(members.begin(), members.end(), same_key), members.end());
  return members;
}

/// A valid array or object. What is open is kept here and not on the stack, which may be small.
void append_composite(std::string_view value, std::string& out) {
  TextArena texts;
  std::vector<Open> open;
  const auto enter = [&](std::string_view composite) {
    const bool is_object = composite.front() == '{';
    out.push_back(composite.front());
    open.push_back({is_object, is_object ? members_of(composite) : elements_of(composite)});
  };
  enter(value);
  while (!open.empty()) {
    Open& top = open.back();
    if (top.next == top.entries.size()) {
      out.push_back(top.is_object ? '}' : ']');
      open.pop_back();
      continue;
    }
    const Open::Entry& entry = top.entries[top.next++];
    if (top.next > 1) out.push_back(',');
    if (top.is_object) {
      append_text(entry.key, out);
      out.push_back(':');
    }
    if (entry.value.front() == '[' || entry.value.front() == '{') {
      enter(entry.value);
    } else {
      texts.clear();
      append_scalar(parse_item(entry.value, texts), out);
    }
  }
}

}  // namespace

void append_canonical(const Item& item, std::string& out) {
  if (!item.is_composite()) return append_scalar(item, out);
  append_composite(item.bytes(), out);
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
