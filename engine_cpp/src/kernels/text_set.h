// Sets of texts: hashed by their bytes, behind a filter that sends most other texts away without a branch.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "key_set.h"
#include "text_bits.h"

namespace tql_engine {

class TextSet {
 public:
  /// The texts stay where they are as long as the set lives.
  explicit TextSet(std::span<const std::string_view> texts);

  bool contains(std::string_view text) const noexcept;
  /// Bit i of `words` becomes whether text first + i is in the set; bits behind n in the last word become 0.
  void mark(const Texts& texts, int64_t first, int64_t n, uint64_t* words) const noexcept;

 private:
  struct Slot {
    uint64_t key = 0;
    int64_t text = -1;  // among the texts; -1: free
  };

  bool find(std::string_view text, uint64_t key) const noexcept;
  template <class Offset>
  void mark_from(const Texts& texts, const Offset* starts, int64_t n, uint64_t* words) const noexcept;

  std::vector<std::string_view> texts_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  KeyFilter filter_;
};

}  // namespace tql_engine
