#include "json_text.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

namespace tql_fuzz {
namespace {

using tql_engine::Dict;
using tql_engine::List;
using tql_engine::Value;

/// Recursive descent; every function says whether there was what it looked for.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool value(Value& out, int depth) {
    skip_space();
    if (depth > kMaxDepth || rest().empty()) return false;
    switch (rest().front()) {
      case '{':
        return dict(out, depth);
      case '[':
        return list(out, depth);
      case '"': {
        std::string text;
        const bool whole = string(text);
        out.data = std::move(text);
        return whole;
      }
      default:
        return word(out) || number(out);
    }
  }

  bool at_end() {
    skip_space();
    return rest().empty();
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }

  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  bool accept(std::string_view token) {
    skip_space();
    if (!rest().starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  bool dict(Value& out, int depth) {
    Dict dict;
    at_ += 1;
    if (!accept("}")) {
      do {
        std::string name;
        skip_space();
        if (!string(name) || !accept(":") || !value(dict[name], depth + 1)) return false;
      } while (accept(","));
      if (!accept("}")) return false;
    }
    out.data = std::move(dict);
    return true;
  }

  bool list(Value& out, int depth) {
    List list;
    at_ += 1;
    if (!accept("]")) {
      do {
        if (!value(list.emplace_back(), depth + 1)) return false;
      } while (accept(","));
      if (!accept("]")) return false;
    }
    out.data = std::move(list);
    return true;
  }

  bool string(std::string& out) {
    if (!accept("\"")) return false;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && ++at_ < text_.size() && text_[at_] == 'u') {
        // An engine reads plans from Python, where text is Unicode: code points as UTF-8, no surrogates.
        unsigned code = 0;
        const char* digits = text_.data() + at_ + 1;
        if (rest().size() < 5 || std::from_chars(digits, digits + 4, code, 16).ptr != digits + 4)
          return false;
        append_utf8(code >= 0xD800 && code < 0xE000 ? '?' : code, out);
        at_ += 5;
      } else if (at_ < text_.size()) {
        out += text_[at_++];
      }
    }
    return accept("\"");
  }

  static void append_utf8(unsigned code, std::string& out) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else {
      out += static_cast<char>(0xE0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }

  bool word(Value& out) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const std::pair<std::string_view, Value> words[] = {{"null", {}},
                                                        {"true", {true}},
                                                        {"false", {false}},
                                                        {"NaN", {std::nan("")}},
                                                        {"Infinity", {kInfinity}},
                                                        {"-Infinity", {-kInfinity}}};
    for (const auto& [name, meaning] : words) {
      if (accept(name)) {
        out = meaning;
        return true;
      }
    }
    return false;
  }

  bool number(Value& out) {
    const std::string_view token = rest().substr(0, rest().find_first_not_of("+-.0123456789eE"));
    const char* end = token.data() + token.size();
    const auto whole = [&](auto kind) {
      const auto [stop, error] = std::from_chars(token.data(), end, kind);
      if (token.empty() || stop != end || error != std::errc()) return false;
      out.data = kind;
      return true;
    };
    if (!whole(int64_t{}) && !whole(uint64_t{}) && !whole(double{})) return false;
    at_ += token.size();
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

void write_string(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

template <class Number>
void write_number(Number number, std::string& out) {
  char digits[40];
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

struct Writer {
  std::string& out;

  void operator()(std::monostate) const { out += "null"; }
  void operator()(bool truth) const { out += truth ? "true" : "false"; }
  void operator()(int64_t number) const { write_number(number, out); }
  void operator()(uint64_t number) const { write_number(number, out); }
  void operator()(double number) const {
    if (std::isnan(number)) {
      out += "NaN";
    } else if (std::isinf(number)) {
      out += number > 0 ? "Infinity" : "-Infinity";
    } else {
      const size_t start = out.size();
      write_number(number, out);
      if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
    }
  }
  void operator()(const std::string& text) const { write_string(text, out); }
  void operator()(const List& list) const {
    out += '[';
    for (size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out += ',';
      std::visit(*this, list[i].data);
    }
    out += ']';
  }
  void operator()(const Dict& dict) const {
    out += '{';
    bool first = true;
    for (const auto& [name, item] : dict) {
      if (!std::exchange(first, false)) out += ',';
      write_string(name, out);
      out += ':';
      std::visit(*this, item.data);
    }
    out += '}';
  }
};

}  // namespace

std::optional<Value> read_json(std::string_view text) {
  Reader reader(text);
  Value value;
  if (!reader.value(value, 0) || !reader.at_end()) return std::nullopt;
  return value;
}

std::string write_json(const Value& value) {
  std::string out;
  std::visit(Writer{out}, value.data);
  return out;
}

}  // namespace tql_fuzz
