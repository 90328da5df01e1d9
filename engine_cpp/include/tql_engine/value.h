// Plain data as a plan is written in: what JSON has, and integers beyond 63 bits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tql_engine {

struct Value;
using List = std::vector<Value>;
using Dict = std::map<std::string, Value, std::less<>>;

struct Value {
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, List, Dict> data;

  template <class T>
  const T* get_if() const noexcept {
    return std::get_if<T>(&data);
  }
  bool is_null() const noexcept { return std::holds_alternative<std::monostate>(data); }
};

/// The member of a dict. Throws EngineError(kInternal) naming it if it is missing or of another kind.
const Value& member(const Dict& dict, std::string_view name);
const Dict& as_dict(const Value& value, std::string_view name);
const List& as_list(const Value& value, std::string_view name);
const std::string& as_string(const Value& value, std::string_view name);
bool as_bool(const Value& value, std::string_view name);
/// An integer in [low, high].
int64_t as_int(const Value& value, std::string_view name, int64_t low, int64_t high);
/// A number.
double as_double(const Value& value, std::string_view name);

}  // namespace tql_engine
