#include "invented_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tql_engine/program.h"
#include "tql_engine/status.h"

namespace tql_fuzz {
namespace {

using tql_engine::Column;
using tql_engine::Dict;
using tql_engine::Element;
using tql_engine::Facet;
using tql_engine::Layout;
using tql_engine::List;
using tql_engine::RowRange;
using tql_engine::Type;
using tql_engine::Value;

using Types = std::map<std::string, Type>;
using Dice = std::minstd_rand;

constexpr int64_t kMaxRowElements = 512;  // of a row whose type fixes its shape
constexpr std::array<int64_t, 12> kIntegers{0,
                                            1,
                                            2,
                                            3,
                                            1,
                                            2,
                                            -1,
                                            -2,
                                            100,
                                            255,
                                            std::numeric_limits<int64_t>::max(),
                                            std::numeric_limits<int64_t>::min()};
constexpr std::array<double, 12> kFloats{0.0,
                                         1.0,
                                         2.0,
                                         -1.5,
                                         0.5,
                                         -0.0,
                                         3.0,
                                         1e30,
                                         -1e300,
                                         std::numeric_limits<double>::infinity(),
                                         std::numeric_limits<double>::quiet_NaN(),
                                         1e-310};
constexpr std::array<std::string_view, 18> kTexts{"",
                                                  "a",
                                                  "b",
                                                  "Ab quick fox",
                                                  "it's",
                                                  "\xC3\xA4",
                                                  "null",
                                                  "1",
                                                  "-2.5e3",
                                                  "18446744073709551615",
                                                  "true",
                                                  "\"a\"",
                                                  "[1,2,[3]]",
                                                  "{\"a\":1,\"b\":{\"c\":[null,\"x\"]},\"a\":2}",
                                                  "[\"red\",\"a\"]",
                                                  "{\"a\":",
                                                  "\xFF\xC3",
                                                  "[]"};

/// The buffers of one column.
struct Buffers {
  std::vector<std::byte> values;
  std::vector<char> text;
  std::vector<int64_t> offsets{0};
  std::vector<int64_t> row_offsets{0};
  std::vector<int64_t> shapes;
  std::vector<uint8_t> validity;
};

template <class T>
void put(std::vector<std::byte>& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

void put_number(Element element, Dice& dice, std::vector<std::byte>& out) {
  const auto integer = static_cast<uint64_t>(kIntegers[dice() % kIntegers.size()]);
  const double real = kFloats[dice() % kFloats.size()];
  switch (tql_engine::element_size(element)) {
    case 1:
      return put(out, static_cast<uint8_t>(element == Element::kBool ? integer & 1 : integer));
    case 2:
      return put(out, static_cast<uint16_t>(integer * 0x1F01));
    case 4:
      return element == Element::kFloat32
                 ? put(out, std::abs(real) > 1e38 && !std::isinf(real) ? 1e38F : static_cast<float>(real))
                 : put(out, static_cast<uint32_t>(integer));
    default:
      return element == Element::kFloat64 ? put(out, real) : put(out, integer);
  }
}

/// Buffers of exactly the size of what is in them: what reads beyond it is found.
std::shared_ptr<Buffers> exactly(Buffers& buffers) {
  return std::make_shared<Buffers>(std::as_const(buffers));
}

Column invent(const Type& type, int64_t rows, Dice& dice);

Column invent_texts(const Type& type, int64_t rows, Dice& dice, Buffers& buffers) {
  const bool lists = !type.is_scalar();
  for (int64_t row = 0; row < rows; ++row) {
    const auto count = lists ? static_cast<int64_t>(dice() % 4) : 1;
    for (int64_t i = 0; i < count; ++i) {
      const std::string_view text = kTexts[dice() % kTexts.size()];
      buffers.text.insert(buffers.text.end(), text.begin(), text.end());
      buffers.offsets.push_back(static_cast<int64_t>(buffers.text.size()));
    }
    buffers.row_offsets.push_back(buffers.row_offsets.back() + count);
  }
  const auto kept = exactly(buffers);
  return lists ? Column::text_list(kept->row_offsets, kept->offsets, kept->text, kept->validity, kept)
               : Column::text(kept->offsets, kept->text, kept->validity, kept);
}

Column invent_numbers(const Type& type, int64_t rows, Dice& dice, Buffers& buffers) {
  std::vector<int64_t> extents = type.shape.value_or(std::vector<int64_t>{-1});
  const auto product = tql_engine::checked_product(extents.data(), static_cast<int>(extents.size()));
  const bool fixed = type.is_fixed() && product && *product <= kMaxRowElements;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t count = 1;
    for (const int64_t extent : extents) {
      const bool keep = fixed || (extent >= 0 && extent <= 4);
      const int64_t length = keep ? extent : static_cast<int64_t>(dice() % (extents.size() > 6 ? 2 : 4));
      buffers.shapes.push_back(length);
      count *= length;
    }
    for (int64_t i = 0; i < count; ++i) put_number(type.element, dice, buffers.values);
    buffers.offsets.push_back(buffers.offsets.back() + count);
  }
  const auto kept = exactly(buffers);
  if (fixed) {
    return Column::dense(type.element, kept->values.data(), static_cast<int64_t>(kept->values.size()), rows,
                         std::move(extents), kept->validity, kept);
  }
  return Column::ragged(type.element, kept->values.data(), kept->offsets.back(), kept->offsets, kept->shapes,
                        static_cast<int>(extents.size()), kept->validity, kept);
}

Column invent_lists(const Type& type, int64_t rows, Dice& dice, Buffers& buffers) {
  for (int64_t row = 0; row < rows; ++row)
    buffers.row_offsets.push_back(buffers.row_offsets.back() + static_cast<int64_t>(dice() % 4));
  const auto kept = exactly(buffers);
  return Column::list(kept->row_offsets, invent(type.entry(), kept->row_offsets.back(), dice), kept->validity,
                      kept);
}

Column invent(const Type& type, int64_t rows, Dice& dice) {
  Buffers buffers;
  for (int64_t row = 0; type.nullable && row < rows; ++row)
    buffers.validity.push_back(dice() % 4 != 0 ? 1 : 0);
  if (type.nested && type.shape) return invent_lists(type, rows, dice, buffers);
  if (type.element == Element::kText) return invent_texts(type, rows, dice, buffers);
  return invent_numbers(type, rows, dice, buffers);
}

/// The shapes of a column's rows, as a column.
Column shapes_column(const Column& column) {
  const int rank = column.shape_rank();
  const auto kept = std::make_shared<std::vector<int64_t>>(static_cast<size_t>(column.length() * rank));
  for (int64_t row = 0; row < column.length() && rank > 0; ++row)
    column.shape_at(row, kept->data() + row * rank);
  const auto bytes = static_cast<int64_t>(kept->size() * sizeof(int64_t));
  return Column::dense(Element::kInt64, kept->data(), bytes, column.length(), {rank}, {}, kept);
}

class InventedSource final : public tql_engine::Source {
 public:
  InventedSource(const Types& types, int64_t rows, Dice dice) : rows_(rows) {
    for (const auto& [name, type] : types) columns_.emplace(name, invent(type, rows, dice));
  }

  int64_t num_rows() override { return rows_; }

  std::vector<RowRange> partitions(std::span<const std::string>) override {
    constexpr int64_t kStep = 5;
    std::vector<RowRange> parts;
    for (int64_t start = 0; start < rows_; start += kStep)
      parts.push_back({start, std::min(start + kStep, rows_)});
    return parts;
  }

  Column read(const std::string& column, Facet facet, int64_t start, int64_t stop) override {
    return whole(column, facet).slice(start, stop);
  }

  Column take(const std::string& column, Facet facet, std::span<const int64_t> rows) override {
    return whole(column, facet).take(rows);
  }

 private:
  Column whole(const std::string& name, Facet facet) const {
    const auto found = columns_.find(name);
    if (found == columns_.end())
      throw tql_engine::EngineError(tql_engine::Code::kInternal, "the source has no column '" + name + "'");
    return facet == Facet::kShape ? shapes_column(found->second) : found->second;
  }

  int64_t rows_;
  std::map<std::string, Column> columns_;
};

const Value* find(const Dict& dict, std::string_view name) {
  const auto found = dict.find(name);
  return found == dict.end() ? nullptr : &found->second;
}

const std::string* find_text(const Dict& dict, std::string_view name) {
  const Value* value = find(dict, name);
  return value == nullptr ? nullptr : value->get_if<std::string>();
}

/// What a plan says about the sources that it reads.
struct Described {
  Types types;
  std::map<std::string, bool> keys;
  std::map<std::string, bool> functions;

  void walk(const Value& value, std::string_view op = "") {
    if (const auto* list = value.get_if<List>()) {
      for (const Value& item : *list) walk(item, op);
    }
    const auto* dict = value.get_if<Dict>();
    if (dict == nullptr) return;
    if (const auto* text = find_text(*dict, "op")) op = *text;
    if (const auto* key = find_text(*dict, "source")) keys[*key] = true;
    if (const auto* function = find_text(*dict, "function")) functions[*function] = true;
    // Inputs first: a column that a node makes may have the name of one that the source has.
    for (const char* input : {"input", "left", "right"}) {
      if (const Value* node = find(*dict, input)) walk(*node, op);
    }
    if (op == "bm25") note_text(*dict);
    if (const Value* type = find(*dict, "type")) {
      try {
        note(*dict, tql_engine::parse_type(*type), op);
      } catch (const tql_engine::EngineError&) {  // the engine will say so
      }
    }
    for (const auto& [name, item] : *dict) {
      if (name != "input" && name != "left" && name != "right") walk(item, op);
    }
  }

 private:
  void note_text(const Dict& dict) {
    if (const auto* name = find_text(dict, "column"))
      types.try_emplace(*name, Type{Element::kText, std::vector<int64_t>{}, true});
  }

  void note(const Dict& dict, Type type, std::string_view op) {
    if (find_text(dict, "kernel") != nullptr) {
      if (const auto* name = find_text(dict, "name"))
        types.try_emplace(*name, facet_owner(dict, std::move(type)));
      return;
    }
    if (const auto* mode = find_text(dict, "mode"); mode != nullptr && *mode == "element") {
      if (type.shape) type.shape->insert(type.shape->begin(), -1);
    } else if (op == "group" && type.shape && !type.shape->empty()) {
      type = type.entry();
    }
    for (const char* side : {"", "left", "right"}) {
      const Value* input = find(dict, side);
      const Dict* from = *side == '\0' ? &dict : input == nullptr ? nullptr : input->get_if<Dict>();
      const auto* name = from == nullptr ? nullptr : find_text(*from, "column");
      if (name != nullptr) types.try_emplace(*name, type);
    }
  }

  /// The type of the column whose facet, or whose item, has this one.
  static Type facet_owner(const Dict& dict, Type type) {
    const auto* facet = find_text(dict, "facet");
    const bool is_item = *find_text(dict, "kernel") == "column_item";
    if (facet != nullptr && *facet == "shape" && type.shape && type.shape->size() == 1) {
      const int64_t rank = std::clamp<int64_t>(type.shape->front(), 0, 4);
      return {Element::kInt16, std::vector<int64_t>(static_cast<size_t>(rank), -1)};
    }
    if ((is_item || (facet != nullptr && *facet == "flat")) && type.shape && type.shape->size() < 3) {
      type.shape->insert(type.shape->begin(), -1);
      type.nested = true;
    }
    return type;
  }
};

}  // namespace

tql_engine::Sources invent_sources(const Value& plan) {
  Described described;
  described.walk(plan);
  tql_engine::Sources sources;
  Dice dice(11);
  sources.bound = std::make_shared<InventedSource>(described.types, 13, dice);
  int64_t rows = 7;
  for (const auto& [key, _] : described.keys) {
    sources.named.emplace(key, std::make_shared<InventedSource>(described.types, rows, dice));
    rows = rows * 2 % 15;
  }
  return sources;
}

tql_engine::HostFunctions invent_functions(const Value& plan) {
  Described described;
  described.walk(plan);
  tql_engine::HostFunctions functions;
  for (const auto& [name, _] : described.functions) {
    functions.emplace(name, [](const tql_engine::HostCall&, std::span<const Column> args) {
      Dice dice(5);
      return args.empty() ? invent({Element::kInt64}, 1, dice) : args.front();
    });
  }
  return functions;
}

}  // namespace tql_fuzz
