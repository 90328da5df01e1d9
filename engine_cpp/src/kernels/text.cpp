// Text: LIKE, substrings and words, element by element.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "../text/words.h"
#include "like_leaf.h"
#include "like_pattern.h"
#include "tql_engine/loops.h"
#include "tql_engine/mask_leaf.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

void like_loop(const void* state, const void* x, int64_t x_step, void* out, int64_t n) {
  const auto& pattern = *static_cast<const LikePattern*>(state);
  const auto* texts = static_cast<const std::string_view*>(x);
  auto* to = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint8_t>(pattern.matches(texts[i * x_step]));
}

class Like final : public TextCondition {
 public:
  explicit Like(LikePattern pattern) : pattern_(std::move(pattern)) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    apply_unary(frame, &like_loop, &pattern_, *args[0], Element::kBool, out);
  }
  MaskLeafPtr leaf(const Constant*) const override { return like_leaf(pattern_); }

 private:
  LikePattern pattern_;
};

struct HasPart {
  static bool apply(std::string_view text, std::string_view part) noexcept {
    return find_text(text, part) != std::string_view::npos;
  }
};

/// Whether every word of the query is a word of the text.
bool has_words(std::string_view text, const WordSet& query, std::vector<uint8_t>& seen) {
  seen.assign(query.size(), 0);
  size_t missing = query.size();
  WordReader reader(text);
  for (std::string_view word; missing > 0 && reader.next(word);) {
    const size_t number = query.find(word);
    if (number == query.size() || seen[number] != 0) continue;
    seen[number] = 1;
    --missing;
  }
  return missing == 0;
}

bool contains_words_loop(const void* x, int64_t x_step, const void* y, int64_t y_step, void* out, int64_t n) {
  const auto* texts = static_cast<const std::string_view*>(x);
  const auto* queries = static_cast<const std::string_view*>(y);
  auto* to = static_cast<uint8_t*>(out);
  std::optional<WordSet> query;
  std::vector<uint8_t> seen;
  for (int64_t i = 0; i < n; ++i) {
    if (!query || y_step != 0) query.emplace(queries[i * y_step]);
    to[i] = static_cast<uint8_t>(has_words(texts[i * x_step], *query, seen));
  }
  return true;
}

/// Something of two texts that is false for NULL.
class ContainsText final : public TextCondition {
 public:
  /// `make_leaf` gives the leaf for a constant second text; null if there is none.
  explicit ContainsText(BinaryLoop loop, MaskLeafPtr (*make_leaf)(std::string_view) = nullptr)
      : loop_(loop), make_leaf_(make_leaf) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    if (args[0]->valid == nullptr && args[1]->valid == nullptr) {
      return apply_binary(frame, loop_, *args[0], *args[1], Element::kBool, out);
    }
    apply_binary(frame, loop_, *args[0], *args[1], Element::kBool, out.scratch(0));
    copy_with_zero_for_null(frame, out.scratch(0).vector, out);
  }
  MaskLeafPtr leaf(const Constant* argument) const override {
    if (argument == nullptr || argument->rank() != 0 || make_leaf_ == nullptr) return nullptr;
    return make_leaf_(*reinterpret_cast<const std::string_view*>(argument->values()));
  }

 private:
  BinaryLoop loop_;
  MaskLeafPtr (*make_leaf_)(std::string_view);
};

void check_text(const BindContext& context) {
  for (size_t i = 0; i < context.args.size(); ++i) {
    if (context.args[i].element != Element::kText) refuse_argument(context, i);
  }
}

Bound bind_like(const BindContext& context) {
  check_text(context);
  const std::string& pattern = as_string(member(*context.members, "pattern"), "pattern");
  const bool ignore_case = as_bool(member(*context.members, "ignore_case"), "ignore_case");
  return {std::make_unique<Like>(LikePattern(pattern, ignore_case)), Element::kBool};
}

Bound bind_contains_text(const BindContext& context) {
  check_text(context);
  const BinaryLoop loop = &binary_loop<HasPart, std::string_view, std::string_view, uint8_t>;
  return {std::make_unique<ContainsText>(loop, &contains_text_leaf), Element::kBool};
}

Bound bind_contains_words(const BindContext& context) {
  check_text(context);
  return {std::make_unique<ContainsText>(&contains_words_loop), Element::kBool};
}

constexpr Kernel kKernels[] = {
    {"like", 1, 1, &bind_like},
    {"contains_text", 2, 2, &bind_contains_text},
    {"contains_words", 2, 2, &bind_contains_words},
};

}  // namespace

std::span<const Kernel> text_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
