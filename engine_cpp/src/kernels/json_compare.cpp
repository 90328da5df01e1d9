// Comparisons of JSON values, membership, CONTAINS.
#include <algorithm>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "../json/reader.h"
#include "json_vectors.h"
#include "like_pattern.h"
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
  void add(const Value& value) {
    if (const auto* truth = value.get_if<bool>()) {
      add_integer(static_cast<uint64_t>(*truth), false);
    } else if (const auto* number = value.get_if<int64_t>()) {
      add_integer(static_cast<uint64_t>(*number), *number < 0);
    } else if (const auto* large = value.get_if<uint64_t>()) {
      add_integer(*large, false);
    } else if (const auto* floating = value.get_if<double>()) {
      doubles_.insert(*floating);
      floats_.insert(*floating);
    } else if (const auto* text = value.get_if<std::string>()) {
      texts_.insert(*text);
    } else {
      throw EngineError(Code::kInternal, "'values' must be numbers, bools and texts");
    }
  }

  bool contains(const Item& item) const {
    switch (item.kind()) {
      case Kind::kInteger:
        return (item.as_integer() < 0 ? negatives_ : integers_).contains(item.as_unsigned()) ||
               floats_.contains(item.as_double());
      case Kind::kUnsigned:
        return integers_.contains(item.as_unsigned()) || floats_.contains(item.as_double());
      case Kind::kDouble:
        return doubles_.contains(item.as_double());
      case Kind::kText:
        return texts_.contains(item.bytes());
      default:
        return false;
    }
  }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  void add_integer(uint64_t bits, bool negative) {
    (negative ? negatives_ : integers_).insert(bits);
    doubles_.insert(negative ? static_cast<double>(static_cast<int64_t>(bits)) : static_cast<double>(bits));
  }

  std::unordered_set<uint64_t> integers_;
  std::unordered_set<uint64_t> negatives_;
  std::unordered_set<double> floats_;   // constants that are no integers
  std::unordered_set<double> doubles_;  // all numbers
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
  JsonSet set;
  for (const Value& value : as_list(member(*context.members, "values"), "values")) set.add(value);
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
