#include "mutate.h"

#include <array>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tql_engine/registry.h"

namespace tql_fuzz {
namespace {

using tql_engine::Dict;
using tql_engine::List;
using tql_engine::Value;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr std::array<int64_t, 25> kIntegers{
    0,         1,         2,         3,    4,        5,         7,       13,      64,
    -1,        -2,        -3,        255,  256,      65536,     1 << 20, 1 << 31, int64_t{1} << 32,
    1LL << 53, 1LL << 61, 1LL << 62, kMax, kMax - 1, -kMax - 1, -kMax};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::array<double, 12> kFloats{0.0,   -0.0,   0.5,    1.5,  -2.0,      100.0,
                                         1e308, -1e308, 5e-324, 1e19, kInfinity, 99.999999};
constexpr std::array<std::string_view, 41> kWords{
    "bool",   "int8",    "int16",   "int32",    "int64", "uint8",    "uint16",   "uint32",
    "uint64", "float16", "float32", "float64",  "text",  "json",     "bytes",    "values",
    "shape",  "flat",    "source",  "computed", "size",  "position", "element",  "part",
    "repeat", "left",    "right",   "full",     "inner", "cross",    "union",    "intersect",
    "except", "nan",     "inf",     "",         "a",     "*a?[b-",   "\xC3\xA4", "{\"a\":[1,null]}",
    "id"};

class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  size_t below(size_t bound) { return bound == 0 ? 0 : engine_() % bound; }
  template <class Items>
  const auto& one_of(const Items& items) {
    return items[below(items.size())];
  }

 private:
  std::minstd_rand engine_;
};

/// A value within a plan, and the member that it is or is an item of.
struct Place {
  Value* value;
  std::string_view name;
};

void collect(Value& value, std::string_view name, std::vector<Place>& places) {
  places.push_back({&value, name});
  if (auto* list = std::get_if<List>(&value.data)) {
    for (Value& item : *list) collect(item, name, places);
  } else if (auto* dict = std::get_if<Dict>(&value.data)) {
    for (auto& [key, item] : *dict) collect(item, key, places);
  }
}

std::vector<Place> places_of(Value& plan) {
  std::vector<Place> places;
  collect(plan, "", places);
  return places;
}

/// The text of another place of the same member, say another kernel or another column's name.
Value text_for(const Place& place, const std::vector<Place>& places, Dice& dice) {
  if (place.name == "kernel" && dice.below(4) != 0) {
    static const std::vector<std::string> kernels = tql_engine::kernel_names();
    return {dice.one_of(kernels)};
  }
  for (int i = 0; i < 8; ++i) {
    const Place& other = dice.one_of(places);
    if (other.name == place.name && other.value->get_if<std::string>() != nullptr) return *other.value;
  }
  return {std::string(dice.one_of(kWords))};
}

void change_leaf(const Place& place, const std::vector<Place>& places, Dice& dice) {
  Value& value = *place.value;
  if (const auto* truth = value.get_if<bool>()) {
    value.data = !*truth;
  } else if (const auto* number = value.get_if<int64_t>()) {
    const auto near = static_cast<int64_t>(static_cast<uint64_t>(*number) + dice.below(5) - 2);
    value.data = dice.below(2) == 0 ? near : dice.one_of(kIntegers);
  } else if (value.get_if<uint64_t>() != nullptr || value.get_if<double>() != nullptr) {
    value.data = dice.one_of(kFloats);
  } else if (value.get_if<std::string>() != nullptr) {
    value = text_for(place, places, dice);
  } else if (place.name == "shape" || dice.below(2) == 0) {
    value.data = dice.one_of(kIntegers);
  }
}

void change_list(List& list, Dice& dice) {
  const size_t at = dice.below(list.size());
  switch (dice.below(4)) {
    case 0:
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    case 1: {
      Value copy = list[at];
      list.insert(list.begin() + static_cast<std::ptrdiff_t>(dice.below(list.size() + 1)), std::move(copy));
      return;
    }
    case 2:
      std::swap(list[at], list[dice.below(list.size())]);
      return;
    default:
      list[at].data = std::monostate();
  }
}

void change_dict(Dict& dict, Dice& dice) {
  const auto pick = [&] {
    return std::next(dict.begin(), static_cast<std::ptrdiff_t>(dice.below(dict.size())));
  };
  const auto at = pick();
  switch (dice.below(4)) {
    case 0:
      dict.erase(at);
      return;
    case 1:
      at->second.data = std::monostate();
      return;
    case 2:
      std::swap(at->second.data, pick()->second.data);
      return;
    default:
      dict[dice.below(2) == 0 ? "axis" : "nullable"].data =
          dice.below(2) == 0 ? Value{true}.data : Value{int64_t{0}}.data;
  }
}

bool alike(const Place& a, const Place& b) {
  return a.name == b.name && a.value->data.index() == b.value->data.index();
}

}  // namespace

void mutate(Value& plan, uint32_t seed) {
  Dice dice(seed);
  const std::vector<Place> places = places_of(plan);
  const Place& place = dice.one_of(places);
  auto* list = std::get_if<List>(&place.value->data);
  auto* dict = std::get_if<Dict>(&place.value->data);
  if (place.name == "shape" && list != nullptr && (list->empty() || dice.below(3) == 0)) {
    list->insert(list->begin(), Value{});
    if (dice.below(2) == 0) list->front().data = dice.one_of(kIntegers);
  } else if (place.name == "args" && list != nullptr && (list->empty() || dice.below(3) == 0)) {
    list->push_back({static_cast<int64_t>(dice.below(6))});
  } else if (list != nullptr && !list->empty()) {
    change_list(*list, dice);
  } else if (dict != nullptr && !dict->empty()) {
    change_dict(*dict, dice);
  } else {
    change_leaf(place, places, dice);
  }
}

void graft(Value& plan, const Value& other, uint32_t seed) {
  Dice dice(seed);
  Value copy = other;
  const std::vector<Place> into = places_of(plan);
  const std::vector<Place> from = places_of(copy);
  for (int i = 0; i < 50; ++i) {
    const Place& target = dice.one_of(into);
    const Place& origin = dice.one_of(from);
    if (!alike(target, origin)) continue;
    *target.value = Value(*origin.value);
    return;
  }
}

}  // namespace tql_fuzz
