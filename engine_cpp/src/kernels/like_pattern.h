// LIKE patterns: `*` and `%` any run of characters, `?` one character, `[a-c]` one of a class, `\x` the
// character x. Characters are code points.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tql_engine {

class LikePattern {
 public:
  LikePattern(std::string_view pattern, bool ignore_case);

  /// Whether the whole text matches. Time O(text * pattern), no memory. Bytes that are no UTF-8 count as one
  /// character each.
  bool matches(std::string_view text) const noexcept;

  /// The texts between the runs, one more than there are runs, where they are nothing but texts (lower case
  /// if the case is ignored); else none.
  std::span<const std::string> literals() const noexcept { return literals_; }
  /// The longest run of plain characters between what matches several: every text that matches has it. Lower
  /// case if the case is ignored; may be empty.
  std::string longest_literal() const;
  bool ignores_case() const noexcept { return ignore_case_; }

 private:
  struct Part {
    enum class Kind : uint8_t { kOne, kAmong } kind;
    std::vector<std::pair<char32_t, char32_t>> ranges;

    bool accepts(char32_t character) const noexcept;
    /// Whether there is one character that it stands for.
    bool is_plain() const noexcept {
      return kind == Kind::kAmong && ranges.size() == 1 && ranges[0].first == ranges[0].second;
    }
  };

  void parse(const std::vector<char32_t>& pattern);
  bool matches_literals(std::string_view text) const noexcept;
  bool matches_parts(std::string_view text) const noexcept;

  bool ignore_case_;
  /// Between the runs: one more piece than there are runs.
  std::vector<std::vector<Part>> pieces_;
  std::vector<std::string> literals_;
};

/// Where `needle` begins in `text`, npos if nowhere.
size_t find_text(std::string_view text, std::string_view needle) noexcept;

}  // namespace tql_engine
