// Between JSON documents and plain values: numbers, texts, truth, elements, shapes, keys.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "../json/reader.h"
#include "json_vectors.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

using json::Item;
using json::Kind;

/// The elements as numbers or as texts; a row with an element of another kind is NULL.
template <class Out, Element element, class Take>
class JsonTo final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = parse_documents(frame, *args[0], out.scratch(0));
    for_each_item<Out>(frame, x, element, out,
                       [](const Item& item) { return Take::accepts(item) ? Take::take(item) : Out{}; });
    bool all = true;
    const auto accepts_row = [&](int64_t row) {
      if (!x.is_valid(row)) return false;
      bool accepts = true;
      for_each_run(x, row, [&](const void* values, int64_t step, int64_t n) {
        const auto* items = static_cast<const Item*>(values);
        for (int64_t i = 0; i < n; ++i) accepts = accepts && Take::accepts(items[i * step]);
      });
      return accepts;
    };
    for (int64_t row = 0; row < frame.size() && all; ++row) all = accepts_row(row);
    if (all) {
      out.vector.valid = nullptr;
      return;
    }
    uint8_t* valid = out.make_valid(frame.size());
    for (int64_t row = 0; row < frame.size(); ++row) valid[row] = static_cast<uint8_t>(accepts_row(row));
  }
};

struct TakeNumber {
  static bool accepts(const Item& item) noexcept { return item.is_number(); }
  static double take(const Item& item) noexcept { return item.as_double(); }
};
struct TakeText {
  static bool accepts(const Item& item) noexcept { return item.is_text(); }
  static std::string_view take(const Item& item) noexcept { return item.bytes(); }
};

using JsonNumber = JsonTo<double, Element::kFloat64, TakeNumber>;
using JsonText = JsonTo<std::string_view, Element::kText, TakeText>;

class JsonTruth final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = parse_documents(frame, *args[0], out.scratch(0));
    if (x.rank != 0) frame.fail(Code::kInternal, "an array where one document was planned");
    auto* result = reinterpret_cast<uint8_t*>(out.make_scalars(Element::kBool, frame.size()));
    out.texts.clear();
    for (int64_t row = 0; row < frame.size(); ++row) {
      const bool there = x.is_valid(row);
      result[row] = static_cast<uint8_t>(there && truth(frame, row, items_of(x)[row * x.step], out.texts));
    }
  }

 private:
  static bool truth(Frame& frame, int64_t row, Item item, TextArena& texts) {
    while (item.kind() == Kind::kArray) {
      Item only = Item::null();
      int64_t elements = 0;
      json::for_each_element(item.bytes(), [&](std::string_view element) {
        if (elements++ == 0) only = json::parse_item(element, texts);
      });
      if (elements > 1) {
        frame.fail(Code::kType,
                   "a condition needs one value per row; use ANY or ALL for an array of " +
                       std::to_string(elements) + " elements",
                   row);
      }
      item = only;
    }
    if (item.is_number()) return item.as_double() != 0;
    if (item.kind() == Kind::kNull) return false;
    frame.fail(Code::kType,
               item.is_text() ? "a condition needs a number or a bool, not text"
                              : "a condition needs a number or a bool, not an object",
               row);
  }
};

class JsonElements final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    if (x.rank != 0) frame.fail(Code::kInternal, "an array where one document was planned");
    const int64_t rows = frame.size();
    const auto parts = out.make_arrays(Element::kText, 1, rows);
    uint8_t* valid = out.make_valid(rows);
    std::vector<std::string_view> elements;
    for (int64_t row = 0; row < rows; ++row) {
      const size_t before = elements.size();
      valid[row] = static_cast<uint8_t>(x.is_valid(row) && split(x.at<std::string_view>(row), elements));
      if (valid[row] == 0) elements.resize(before);
      parts.dims[row] = static_cast<int64_t>(elements.size() - before);
    }
    std::copy(elements.begin(), elements.end(), reinterpret_cast<std::string_view*>(out.pack(rows)));
  }

 private:
  static bool split(std::string_view text, std::vector<std::string_view>& out) {
    const char* end = text.data() + text.size();
    const char* at = json::skip_space(text.data(), end);
    if (at != end && *at == '[') {
      return json::for_each_element(text, [&](std::string_view element) { out.push_back(element); });
    }
    const std::string_view whole = json::document(text);
    if (whole.empty() || whole == "null") return false;
    out.push_back(whole);
    return true;
  }
};

class JsonShape final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = parse_documents(frame, *args[0], out.scratch(0));
    if (x.rank != 0) frame.fail(Code::kInternal, "an array where one document was planned");
    const int64_t rows = frame.size();
    const auto parts = out.make_arrays(Element::kInt64, 1, rows);
    std::vector<int64_t> extents;
    for (int64_t row = 0; row < rows; ++row) {
      const Item& item = items_of(x)[row * x.step];
      const bool is_array = x.is_valid(row) && item.kind() == Kind::kArray;
      parts.dims[row] = is_array ? 1 : 0;
      if (!is_array) continue;
      int64_t elements = 0;
      json::for_each_element(item.bytes(), [&](std::string_view) { ++elements; });
      extents.push_back(elements);
    }
    std::copy(extents.begin(), extents.end(), reinterpret_cast<int64_t*>(out.pack(rows)));
    out.vector.valid = x.valid;
  }
};

class JsonKeys final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    if (x.rank != 0) frame.fail(Code::kInternal, "an array where one document was planned");
    const int64_t rows = frame.size();
    const auto parts = out.make_arrays(Element::kText, 1, rows);
    uint8_t* valid = out.make_valid(rows);
    out.texts.clear();
    std::vector<std::string_view> keys;
    for (int64_t row = 0; row < rows; ++row) {
      const auto first = static_cast<std::ptrdiff_t>(keys.size());
      valid[row] =
          static_cast<uint8_t>(x.is_valid(row) && add_keys(x.at<std::string_view>(row), keys, out.texts));
      if (valid[row] == 0) keys.resize(static_cast<size_t>(first));
      std::sort(keys.begin() + first, keys.end());
      keys.erase(std::unique(keys.begin() + first, keys.end()), keys.end());
      parts.dims[row] = static_cast<int64_t>(keys.size()) - first;
    }
    std::copy(keys.begin(), keys.end(), reinterpret_cast<std::string_view*>(out.pack(rows)));
  }

 private:
  static bool add_keys(std::string_view text, std::vector<std::string_view>& keys, TextArena& texts) {
    return json::for_each_member(text, [&](const json::Key& key, std::string_view) {
      keys.push_back(key.escaped ? texts.close(json::unescape(key.raw, texts.open(key.raw.size())))
                                 : key.raw);
    });
  }
};

class JsonKind final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = parse_documents(frame, *args[0], out.scratch(0));
    for_each_item<int8_t>(frame, x, Element::kInt8, out, [](const Item& item) -> int8_t {
      return item.is_number() && !item.is_bool() ? 0 : item.is_text() ? 1 : 2;
    });
  }
};

class JsonCanonical final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = parse_documents(frame, *args[0], out.scratch(0));
    out.texts.clear();
    std::string spelled;
    for_each_item<std::string_view>(frame, x, Element::kText, out, [&](const Item& item) {
      spelled.clear();
      json::append_canonical(item, spelled);
      return out.texts.keep(spelled);
    });
  }
};

/// Numbers, bools and texts as documents.
template <Element E>
void append_document(const Storage<E>& value, std::string& out) {
  if constexpr (E == Element::kText) {
    json::append_quoted(value, out);
  } else if constexpr (E == Element::kBool) {
    out += value != 0 ? "true" : "false";
  } else if constexpr (is_float(E)) {
    json::append_number(static_cast<double>(value), out);
  } else {
    out += std::to_string(value);
  }
}

template <Element E>
void document_loop(const void* state, const void* x, int64_t step, void* out, int64_t n) {
  auto& texts = *static_cast<TextArena*>(const_cast<void*>(state));  // the result register's own
  const auto* values = static_cast<const Storage<E>*>(x);
  auto* documents = static_cast<std::string_view*>(out);
  std::string spelled;
  for (int64_t i = 0; i < n; ++i) {
    spelled.clear();
    append_document<E>(values[i * step], spelled);
    documents[i] = texts.keep(spelled);
  }
}

constexpr auto kDocumentLoops = per_element([]<Element E>() -> UnaryLoop {
  if constexpr (E == Element::kFloat16) {
    return nullptr;
  } else {
    return &document_loop<E>;
  }
});

class JsonOf final : public Operation {
 public:
  explicit JsonOf(UnaryLoop loop) : loop_(loop) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    out.texts.clear();
    apply_unary(frame, loop_, &out.texts, *args[0], Element::kText, out);
  }

 private:
  UnaryLoop loop_;
};

template <class Op, Element element>
Bound bind_documents(const BindContext& context) {
  check_documents(context);
  return {std::make_unique<Op>(), element};
}

Bound bind_json_of(const BindContext& context) {
  const UnaryLoop loop = kDocumentLoops[static_cast<size_t>(context.args[0].element)];
  if (loop == nullptr) refuse_argument(context, 0);
  return {std::make_unique<JsonOf>(loop), Element::kText};
}

constexpr Kernel kKernels[] = {
    {"json_of", 1, 1, &bind_json_of},
    {"json_number", 1, 1, &bind_documents<JsonNumber, Element::kFloat64>},
    {"json_text", 1, 1, &bind_documents<JsonText, Element::kText>},
    {"json_truth", 1, 1, &bind_documents<JsonTruth, Element::kBool>},
    {"json_elements", 1, 1, &bind_documents<JsonElements, Element::kText>},
    {"json_shape", 1, 1, &bind_documents<JsonShape, Element::kInt64>},
    {"json_keys", 1, 1, &bind_documents<JsonKeys, Element::kText>},
    {"json_kind", 1, 1, &bind_documents<JsonKind, Element::kInt8>},
    {"json_canonical", 1, 1, &bind_documents<JsonCanonical, Element::kText>},
};

}  // namespace

std::span<const Kernel> json_value_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
