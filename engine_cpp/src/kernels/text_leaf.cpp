// Conditions on texts as leaves: equality, lists that contain a text, substrings.
#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <utility>

#include "like_leaf.h"
#include "row_bits.h"
#include "text_bits.h"
#include "tql_engine/mask_leaf.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;

Texts texts_of(const Column& column) noexcept {
  return {column.values<char>(), column.value_count(), column.offsets()};
}

class EqualText final : public MaskLeaf {
 public:
  EqualText(std::string text, bool negate) : text_(std::move(text)), negate_(negate) {}
  bool runs_on(const Column& column) const noexcept override { return column.layout() == Layout::kText; }
  void evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const override {
    equal_texts(texts_of(column), text_, first, n, words);
    if (!negate_) return;
    for (int64_t i = 0; i < n; i += kWordBits) words[i / kWordBits] = ~words[i / kWordBits];
    if (n % kWordBits != 0) words[n / kWordBits] &= (uint64_t{1} << (n % kWordBits)) - 1;
  }

 private:
  std::string text_;
  bool negate_;
};

class AnyText final : public MaskLeaf {
 public:
  explicit AnyText(std::string text) : text_(std::move(text)) {}
  bool runs_on(const Column& column) const noexcept override { return column.layout() == Layout::kTextList; }
  void evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const override {
    const Texts texts = texts_of(column);
    any_of_rows(
        {column.row_offsets(), 0}, 0, first, n, words,
        [&](int64_t begin, int64_t count, uint64_t* bits) { equal_texts(texts, text_, begin, count, bits); });
  }

 private:
  std::string text_;
};

/// Row by row, for patterns that begin or end with a text: few rows get beyond one byte.
void match_each(const LikePattern& pattern, const Column& column, int64_t first, int64_t n, uint64_t* words) {
  std::fill_n(words, (n + kWordBits - 1) / kWordBits, uint64_t{0});
  const bool is_plain = !pattern.ignores_case() && !pattern.literals().empty();
  const std::string head = is_plain ? pattern.literals().front() : std::string();
  const std::string tail = is_plain ? pattern.literals().back() : std::string();
  for (int64_t i = 0; i < n; ++i) {
    const std::string_view text = column.text_at(first + i);
    if (is_plain &&
        (text.size() < std::max(head.size(), tail.size()) ||
         (!head.empty() && text.front() != head.front()) || (!tail.empty() && text.back() != tail.back()))) {
      continue;
    }
    words[i / kWordBits] |= uint64_t{pattern.matches(text)} << (i % kWordBits);
  }
}

/// Texts with a needle in them. What else the pattern asks for is looked at in the rows that are left.
class InnerText final : public MaskLeaf {
 public:
  InnerText(Needle needle, LikePattern pattern) : needle_(std::move(needle)), pattern_(std::move(pattern)) {
    const auto literals = pattern_.literals();
    is_all_ = literals.size() == 3 && literals.front().empty() && literals.back().empty();
    ascii_only_ = needle_.ignores_case() && needle_.bytes().find('k') != std::string::npos;
  }

  bool runs_on(const Column& column) const noexcept override { return column.layout() == Layout::kText; }

  void evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const override {
    const Texts texts = texts_of(column);
    const int64_t begin = texts.start(first);
    if (ascii_only_ && !is_ascii(texts.data + begin, texts.start(first + n) - begin)) {
      return match_each(pattern_, column, first, n, words);
    }
    any_of_rows({texts.offsets, 0}, needle_.size() - 1, first, n, words,
                [&](int64_t at, int64_t count, uint64_t* bits) {
                  needle_.find(texts.data, texts.size, at, count, bits);
                });
    for (int64_t i = 0; !is_all_ && i < n; i += kWordBits) {
      uint64_t& word = words[i / kWordBits];
      for (uint64_t left = word; left != 0; left &= left - 1) {
        const int bit = std::countr_zero(left);
        if (!pattern_.matches(column.text_at(first + i + bit))) word &= ~(uint64_t{1} << bit);
      }
    }
  }

 private:
  Needle needle_;
  LikePattern pattern_;
  bool is_all_;      // there is nothing else to the pattern
  bool ascii_only_;  // beyond ASCII the Kelvin sign has the lower case k
};

class OuterText final : public MaskLeaf {
 public:
  explicit OuterText(LikePattern pattern) : pattern_(std::move(pattern)) {}
  bool runs_on(const Column& column) const noexcept override { return column.layout() == Layout::kText; }
  void evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const override {
    match_each(pattern_, column, first, n, words);
  }

 private:
  LikePattern pattern_;
};

class OneOfTexts final : public MaskLeaf {
 public:
  explicit OneOfTexts(std::shared_ptr<const TextSet> set) : set_(std::move(set)) {}
  bool runs_on(const Column& column) const noexcept override { return column.layout() == Layout::kText; }
  void evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const override {
    set_->mark(texts_of(column), first, n, words);
  }

 private:
  std::shared_ptr<const TextSet> set_;
};

bool is_ascii_text(const std::string& text) noexcept {
  return is_ascii(text.data(), static_cast<int64_t>(text.size()));
}

}  // namespace

MaskLeafPtr equal_text_leaf(std::string text, bool negate) {
  return std::make_shared<EqualText>(std::move(text), negate);
}

MaskLeafPtr text_set_leaf(std::shared_ptr<const TextSet> set) {
  return std::make_shared<OneOfTexts>(std::move(set));
}

MaskLeafPtr any_text_leaf(std::string text) { return std::make_shared<AnyText>(std::move(text)); }

MaskLeafPtr like_leaf(const LikePattern& pattern) {
  const auto literals = pattern.literals();
  if (literals.empty()) {
    std::string part = pattern.longest_literal();
    if (part.empty() || (pattern.ignores_case() && !is_ascii_text(part))) return nullptr;
    return std::make_shared<InnerText>(Needle(std::move(part), pattern.ignores_case()), pattern);
  }
  if (literals.size() == 1 && !pattern.ignores_case()) return equal_text_leaf(literals.front(), false);
  if (literals.size() > 2 && (!pattern.ignores_case() || std::ranges::all_of(literals, is_ascii_text))) {
    const auto inner = literals.subspan(1, literals.size() - 2);
    const auto longest = std::ranges::max_element(inner, {}, &std::string::size);
    if (!longest->empty())
      return std::make_shared<InnerText>(Needle(*longest, pattern.ignores_case()), pattern);
  }
  return std::make_shared<OuterText>(pattern);
}

MaskLeafPtr contains_text_leaf(std::string_view part) {
  std::string pattern = "*";
  for (const char c : part) {
    if (std::string_view("*%?[\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return like_leaf(LikePattern(pattern + "*", false));
}

}  // namespace tql_engine
