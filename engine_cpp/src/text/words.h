// The words of a text: runs of letters and digits of any script, in lower case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tql_engine {

/// A letter or a digit of any script, or a mark that belongs to one.
bool is_word_character(char32_t character) noexcept;

class WordReader {
 public:
  explicit WordReader(std::string_view text) noexcept : text_(text) {}

  /// The next word, in lower case; it lives until the next call. False at the end.
  bool next(std::string_view& word);

 private:
  std::string_view text_;
  size_t position_ = 0;
  std::string lowered_;
};

/// The distinct words of a query, numbered in order of appearance.
class WordSet {
 public:
  explicit WordSet(std::string_view query);

  size_t size() const noexcept { return counts_.size(); }
  /// How often a word is in the query.
  int64_t count(size_t word) const noexcept { return counts_[word]; }
  /// The number of a word, size() if it is none of the query.
  size_t find(std::string_view word) const noexcept;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  /// Of a word that is not empty.
  static uint64_t filter_bit(std::string_view word) noexcept;

  std::unordered_map<std::string, size_t, Hash, std::equal_to<>> numbers_;
  std::vector<int64_t> counts_;
  uint64_t filter_ = 0;  // bits of the words, so that most others are known without a look
};

}  // namespace tql_engine
