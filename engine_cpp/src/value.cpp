// Checked access to a plan's plain data.
#include "tql_engine/value.h"

#include "tql_engine/status.h"

namespace tql_engine {
namespace {

[[noreturn]] void refuse(std::string_view name, const char* expected) {
  throw EngineError(Code::kInternal, "'" + std::string(name) + "' must be " + expected);
}

}  // namespace

const Value& member(const Dict& dict, std::string_view name) {
  const auto found = dict.find(name);
  if (found == dict.end()) throw EngineError(Code::kInternal, "there is no '" + std::string(name) + "'");
  return found->second;
}

const Dict& as_dict(const Value& value, std::string_view name) {
  if (const auto* dict = value.get_if<Dict>()) return *dict;
  refuse(name, "a dict");
}

const List& as_list(const Value& value, std::string_view name) {
  if (const auto* list = value.get_if<List>()) return *list;
  refuse(name, "a list");
}

const std::string& as_string(const Value& value, std::string_view name) {
  if (const auto* text = value.get_if<std::string>()) return *text;
  refuse(name, "a string");
}

bool as_bool(const Value& value, std::string_view name) {
  if (const auto* truth = value.get_if<bool>()) return *truth;
  refuse(name, "true or false");
}

int64_t as_int(const Value& value, std::string_view name, int64_t low, int64_t high) {
  if (const auto* number = value.get_if<int64_t>()) {
    if (*number >= low && *number <= high) return *number;
  }
  refuse(name, "an integer in range");
}

double as_double(const Value& value, std::string_view name) {
  if (const auto* number = value.get_if<double>()) return *number;
  if (const auto* number = value.get_if<int64_t>()) return static_cast<double>(*number);
  if (const auto* number = value.get_if<uint64_t>()) return static_cast<double>(*number);
  refuse(name, "a number");
}

}  // namespace tql_engine
