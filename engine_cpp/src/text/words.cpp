// Splits texts into words.
#include "words.h"

#include <algorithm>
#include <array>

#include "../kernels/lower_case.h"
#include "utf8.h"

namespace tql_engine {
namespace {

constexpr std::array<bool, 128> kPlain = [] {  // lower case letters and digits of ASCII
  std::array<bool, 128> plain{};
  for (size_t c = 'a'; c <= 'z'; ++c) plain[c] = true;
  for (size_t c = '0'; c <= '9'; ++c) plain[c] = true;
  return plain;
}();

bool is_plain(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < kPlain.size() && kPlain[byte];
}

}  // namespace

bool WordReader::next(std::string_view& word) {
  for (;;) {  // to the first character of a word
    if (position_ == text_.size()) return false;
    size_t behind = position_;
    if (is_word_character(utf8::next(text_, behind))) break;
    position_ = behind;
  }
  const size_t start = position_;
  while (position_ < text_.size() && is_plain(text_[position_])) ++position_;
  lowered_.assign(text_.substr(start, position_ - start));
  bool changed = false;
  while (position_ < text_.size()) {
    size_t behind = position_;
    const char32_t character = utf8::next(text_, behind);
    if (!is_word_character(character)) break;
    position_ = behind;
    std::array<char, 4> bytes;
    lowered_.append(bytes.data(), utf8::write(lower_case(character), bytes.data()));
    changed = true;
  }
  word = changed ? std::string_view(lowered_) : text_.substr(start, position_ - start);
  return true;
}

WordSet::WordSet(std::string_view query) {
  WordReader reader(query);
  for (std::string_view word; reader.next(word);) {
    const auto [entry, added] = numbers_.try_emplace(std::string(word), counts_.size());
    if (added) counts_.push_back(0);
    ++counts_[entry->second];
    longest_ = std::max(longest_, word.size());
  }
}

size_t WordSet::find(std::string_view word) const noexcept {
  if (word.size() > longest_) return size();
  const auto found = numbers_.find(word);
  return found == numbers_.end() ? size() : found->second;
}

}  // namespace tql_engine
