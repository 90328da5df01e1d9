// Matching by pieces between the runs: the first piece at the start, the last at the end, the others each at
// the first place where it fits. Taking the first place is enough, since a run matches anything.
#include "like_pattern.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "../text/utf8.h"
#include "lower_case.h"

namespace tql_engine {
size_t find_text(std::string_view text, std::string_view needle) noexcept {
  if (needle.empty()) return 0;
  if (text.size() < needle.size()) return std::string_view::npos;
#if defined(__GLIBC__) || defined(__APPLE__) || defined(__FreeBSD__)
  const void* found = memmem(text.data(), text.size(), needle.data(), needle.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
#else
  return text.find(needle);
#endif
}

bool LikePattern::Part::accepts(char32_t character) const noexcept {
  if (kind == Kind::kOne) return true;
  return std::any_of(ranges.begin(), ranges.end(), [character](const auto& range) {
    return range.first <= character && character <= range.second;
  });
}

LikePattern::LikePattern(std::string_view pattern, bool ignore_case) : ignore_case_(ignore_case) {
  std::vector<char32_t> characters;
  for (size_t position = 0; position < pattern.size();) {
    const char32_t character = utf8::next(pattern, position);
    characters.push_back(ignore_case ? lower_case(character) : character);
  }
  parse(characters);
  for (const auto& piece : pieces_) {
    std::string literal;
    for (const Part& part : piece) {
      if (!part.is_plain()) {
        literals_.clear();
        return;
      }
      std::array<char, 4> bytes;
      literal.append(bytes.data(), utf8::write(part.ranges[0].first, bytes.data()));
    }
    literals_.push_back(std::move(literal));
  }
}

void LikePattern::parse(const std::vector<char32_t>& pattern) {
  pieces_.emplace_back();
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char32_t c = pattern[i];
    auto& piece = pieces_.back();
    if (c == U'*' || c == U'%') {
      pieces_.emplace_back();
      continue;
    }
    if (c == U'?') {
      piece.push_back({Part::Kind::kOne, {}});
      continue;
    }
    if (c == U'[') {
      const auto closing =
          std::find(pattern.begin() + static_cast<std::ptrdiff_t>(i) + 1, pattern.end(), U']');
      if (closing != pattern.end()) {  // without one the bracket is an ordinary character
        const auto end = static_cast<size_t>(closing - pattern.begin());
        Part part{Part::Kind::kAmong, {}};
        for (size_t m = i + 1; m < end;) {
          const bool range = m + 2 < end && pattern[m + 1] == U'-';
          part.ranges.emplace_back(pattern[m], range ? pattern[m + 2] : pattern[m]);
          m += range ? 3 : 1;
        }
        piece.push_back(std::move(part));
        i = end;
        continue;
      }
    }
    if (c == U'\\' && i + 1 < pattern.size()) ++i;
    piece.push_back({Part::Kind::kAmong, {{pattern[i], pattern[i]}}});
  }
}

std::string LikePattern::longest_literal() const {
  std::string longest;
  for (const auto& piece : pieces_) {
    std::string run;
    for (const Part& part : piece) {
      if (part.is_plain()) {
        std::array<char, 4> bytes;
        run.append(bytes.data(), utf8::write(part.ranges[0].first, bytes.data()));
      } else {
        run.clear();
      }
      if (run.size() > longest.size()) longest = run;
    }
  }
  return longest;
}

bool LikePattern::matches(std::string_view text) const noexcept {
  return literals_.empty() || ignore_case_ ? matches_parts(text) : matches_literals(text);
}

bool LikePattern::matches_literals(std::string_view text) const noexcept {
  const std::string& first = literals_.front();
  if (literals_.size() == 1) return text == first;
  const std::string& last = literals_.back();
  if (text.size() < first.size() + last.size() || !text.starts_with(first) || !text.ends_with(last))
    return false;
  text = text.substr(first.size(), text.size() - first.size() - last.size());
  for (size_t i = 1; i + 1 < literals_.size(); ++i) {
    const size_t found = find_text(text, literals_[i]);
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + literals_[i].size());
  }
  return true;
}

bool LikePattern::matches_parts(std::string_view text) const noexcept {
  // Greedy matching with a return to the latest run: `piece` and `part` say where in the pattern we are.
  size_t piece = 0;
  size_t part = 0;
  size_t position = 0;
  size_t retry_position = 0;  // where the latest run was extended to; meaningful if piece > 0
  for (;;) {
    if (part == pieces_[piece].size()) {
      if (piece + 1 < pieces_.size()) {
        ++piece;
        part = 0;
        retry_position = position;
        if (piece + 1 == pieces_.size() && pieces_[piece].empty()) return true;
        continue;
      }
      if (position == text.size()) return true;
    } else if (position < text.size()) {
      size_t behind = position;
      char32_t character = utf8::next(text, behind);
      if (ignore_case_) character = lower_case(character);
      if (pieces_[piece][part].accepts(character)) {
        position = behind;
        ++part;
        continue;
      }
    }
    if (piece == 0 || retry_position >= text.size()) return false;
    utf8::next(text, retry_position);  // the run takes one character more
    position = retry_position;
    part = 0;
  }
}

}  // namespace tql_engine
