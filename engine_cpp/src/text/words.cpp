// Splits texts into words.
#include "words.h"

#include <array>
#include <cstdint>

#include "../kernels/lower_case.h"
#include "utf8.h"

namespace tql_engine {
namespace {

enum class Class : uint8_t { kOther, kPlain, kUpper, kBeyond };

constexpr std::array<Class, 256> kClasses = [] {  // of bytes; plain: lower case letters and digits of ASCII
  std::array<Class, 256> classes{};
  for (size_t c = 'a'; c <= 'z'; ++c) classes[c] = Class::kPlain;
  for (size_t c = '0'; c <= '9'; ++c) classes[c] = Class::kPlain;
  for (size_t c = 'A'; c <= 'Z'; ++c) classes[c] = Class::kUpper;
  for (size_t c = 0x80; c <= 0xFF; ++c) classes[c] = Class::kBeyond;
  return classes;
}();

Class class_of(char c) noexcept { return kClasses[static_cast<unsigned char>(c)]; }

}  // namespace

bool WordReader::next(std::string_view& word) {
  const size_t end = text_.size();
  for (;; ++position_) {  // to the first character of a word
    while (position_ < end && class_of(text_[position_]) == Class::kOther) ++position_;
    if (position_ == end) return false;
    if (class_of(text_[position_]) != Class::kBeyond) break;
    size_t behind = position_;
    if (is_word_character(utf8::next(text_, behind))) break;
    position_ = behind - 1;
  }
  const size_t start = position_;
  while (position_ < end && class_of(text_[position_]) == Class::kPlain) ++position_;
  word = text_.substr(start, position_ - start);
  if (position_ == end || class_of(text_[position_]) == Class::kOther) return true;
  lowered_.assign(word);
  while (position_ < end) {
    size_t behind = position_;
    const char32_t character = utf8::next(text_, behind);
    if (!is_word_character(character)) break;
    position_ = behind;
    std::array<char, 4> bytes;
    lowered_.append(bytes.data(), utf8::write(lower_case(character), bytes.data()));
  }
  word = lowered_;
  return true;
}

uint64_t WordSet::filter_bit(std::string_view word) noexcept {
  const auto last = static_cast<unsigned char>(word.back());
  return uint64_t{1} << ((word.size() * 7 + static_cast<unsigned char>(word.front()) + last * 3) % 64);
}

WordSet::WordSet(std::string_view query) {
  WordReader reader(query);
  for (std::string_view word; reader.next(word);) {
    const auto [entry, added] = numbers_.try_emplace(std::string(word), counts_.size());
    if (added) counts_.push_back(0);
    ++counts_[entry->second];
    filter_ |= filter_bit(word);
  }
}

size_t WordSet::find(std::string_view word) const noexcept {
  if ((filter_ & filter_bit(word)) == 0) return size();
  const auto found = numbers_.find(word);
  return found == numbers_.end() ? size() : found->second;
}

}  // namespace tql_engine
