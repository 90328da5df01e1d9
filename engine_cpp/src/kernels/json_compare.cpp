// Comparisons of JSON values, membership, CONTAINS.
#include <algorithm>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "../json/reader.h"
#include "json_vectors.h"
#include "key_set.h"
#include "like_pattern.h"
#include "tql_engine/ordering.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

using json::Item;
using json::Kind;

template <CompareOp op>
bool compare_loop(const void* x, int64_t x_step, const void* y, int64_t y_step, void* out, int64_t n) {
  const auto* left = static_cast<const Item*>(x);
  const auto* right = static_cast<const Item*>(y);
  auto* to = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) {
    to[i] = static_cast<uint8_t>(json::compare(op, left[i * x_step], right[i * y_step]));
  }
  return true;
}

class JsonCompare final : public Operation {
 public:
  explicit JsonCompare(BinaryLoop loop) : loop_(loop) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& left = parse_documents(frame, *args[0], out.scratch(0));
    const Vector& right = parse_documents(frame, *args[1], out.scratch(1));
    apply_binary(frame, loop_, left, right, Element::kBool, out);
  }

 private:
  BinaryLoop loop_;
};

/// Constants of IN by what they can be equal to: integers to integers exactly, all else as float64.
class JsonSet {
 public:
  explicit JsonSet(const List& values) {
    Keys keys;
    texts_.reserve(values.size());
    for (const Value& value : values) add(value, keys);
    integers_ = KeySet(keys.integers);
    negatives_ = KeySet(keys.negatives);
    floats_ = KeySet(keys.floats);
    numbers_ = KeySet(keys.numbers);
  }

  bool contains(const Item& item) const {
    switch (item.kind()) {
      case Kind::kInteger:
        return (item.as_integer() < 0 ? negatives_ : integers_).contains(item.as_unsigned()) ||
               floats_.contains(key_of(item.as_double()));
      case Kind::kUnsigned:
        return integers_.contains(item.as_unsigned()) || floats_.contains(key_of(item.as_double()));
      case Kind::kDouble:
        return !ordering::is_nan(item.as_double()) && numbers_.contains(key_of(item.as_double()));
      case Kind::kText:
        return texts_.contains(item.bytes());
      default:
        return false;
    }
  }

 private:
  struct Keys {
    std::vector<uint64_t> integers;
    std::vector<uint64_t> negatives;
    std::vector<uint64_t> floats;   // constants that are no integers
    std::vector<uint64_t> numbers;  // all, as float64
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  void add(const Value& value, Keys& keys) {
    if (const auto* text = value.get_if<std::string>()) {
      texts_.insert(*text);
    } else if (const auto* truth = value.get_if<bool>()) {
      keys.integers.push_back(static_cast<uint64_t>(*truth));
      keys.numbers.push_back(key_of(*truth ? 1.0 : 0.0));
    } else if (const auto* number = value.get_if<int64_t>()) {
      (*number < 0 ? keys.negatives : keys.integers).push_back(static_cast<uint64_t>(*number));
      keys.numbers.push_back(key_of(static_cast<double>(*number)));
    } else if (const auto* large = value.get_if<uint64_t>()) {
      keys.integers.push_back(*large);
      keys.numbers.push_back(key_of(static_cast<double>(*large)));
    } else if (const auto* floating = value.get_if<double>(); floating != nullptr) {
      if (ordering::is_nan(*floating)) return;
      keys.floats.push_back(key_of(*floating));
      keys.numbers.push_back(key_of(*floating));
    } else {
      throw EngineError(Code::kInternal, "'values' must be numbers, bools and texts");
    }
  }

  KeySet integers_;
  KeySet negatives_;
  KeySet floats_;
  KeySet numbers_;
  std::unordered_set<std::string, TextHash, std::equal_to<>> texts_;
};

class JsonInSet final : public Operation {
 public:
  explicit JsonInSet(JsonSet set) : set_(std::move(set)) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = parse_documents(frame, *args[0], out.scratch(0));
    const auto is_in = [this](const Item& item) { return static_cast<uint8_t>(set_.contains(item)); };
    if (x.valid == nullptr) return for_each_item<uint8_t>(frame, x, Element::kBool, out, is_in);
    for_each_item<uint8_t>(frame, x, Element::kBool, out.scratch(1), is_in);
    copy_with_zero_for_null(frame, out.scratch(1).vector, out);
  }

 private:
  JsonSet set_;
};

class JsonContains final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = parse_documents(frame, *args[0], out.scratch(0));
    const Vector& y = parse_documents(frame, *args[1], out.scratch(1));
    if (x.rank != 0 || y.rank != 0) frame.fail(Code::kInternal, "an array where one document was planned");
    auto* result = reinterpret_cast<uint8_t*>(out.make_scalars(Element::kBool, frame.size()));
    for (int64_t row = 0; row < frame.size(); ++row) {
      const bool there = x.is_valid(row) && y.is_valid(row);
      result[row] =
          static_cast<uint8_t>(there && contains(items_of(x)[row * x.step], items_of(y)[row * y.step], out));
    }
  }

 private:
  static bool contains(const Item& x, const Item& y, Register& out) {
    if (x.is_text() && y.is_text()) return find_text(x.bytes(), y.bytes()) != std::string_view::npos;
    if (x.kind() != Kind::kArray) return json::compare(CompareOp::kEqual, x, y);
    bool found = false;
    out.texts.clear();
    json::for_each_element(x.bytes(), [&](std::string_view element) {
      found = found || json::compare(CompareOp::kEqual, json::parse_item(element, out.texts), y);
    });
    return found;
  }
};

template <CompareOp op>
Bound bind_compare(const BindContext& context) {
  check_documents(context);
  return {std::make_unique<JsonCompare>(&compare_loop<op>), Element::kBool};
}

Bound bind_in_set(const BindContext& context) {
  check_documents(context);
  JsonSet set(as_list(member(*context.members, "values"), "values"));
  return {std::make_unique<JsonInSet>(std::move(set)), Element::kBool};
}

Bound bind_contains(const BindContext& context) {
  check_documents(context);
  return {std::make_unique<JsonContains>(), Element::kBool};
}

constexpr Kernel kKernels[] = {
    {"json_equal", 2, 2, &bind_compare<CompareOp::kEqual>},
    {"json_not_equal", 2, 2, &bind_compare<CompareOp::kNotEqual>},
    {"json_less", 2, 2, &bind_compare<CompareOp::kLess>},
    {"json_less_equal", 2, 2, &bind_compare<CompareOp::kLessEqual>},
    {"json_greater", 2, 2, &bind_compare<CompareOp::kGreater>},
    {"json_greater_equal", 2, 2, &bind_compare<CompareOp::kGreaterEqual>},
    {"json_in_set", 1, 1, &bind_in_set},
    {"json_contains", 2, 2, &bind_contains},
};

}  // namespace

std::span<const Kernel> json_compare_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
