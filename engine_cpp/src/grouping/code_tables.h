// Tables that number codes in the order in which they come. Numbers are 32 bits: a table holds the groups of
// a part of the rows.
#pragma once

#include <cstdint>
#include <utility>

#include "key_codes.h"
#include "tql_engine/counted_vector.h"

namespace tql_engine {

inline constexpr uint32_t kNoNumber = ~uint32_t{0};

/// Codes below a bound, each with a place of its own.
class DirectTable {
 public:
  explicit DirectTable(size_t bound) : numbers_(bound, kNoNumber) {}

  /// The number of the code. `same(number)` tells whether the row has the keys of the one that got this
  /// number; `add()` is called if the code is new, which has the next number.
  template <class Same, class Add>
  uint32_t find_or_add(uint64_t code, const Same&, const Add& add) {
    uint32_t& number = numbers_[code];
    if (number == kNoNumber) {
      number = count_++;
      add();
    }
    return number;
  }

  /// The number of the code, kNoNumber if it has none.
  template <class Same>
  uint32_t find(uint64_t code, const Same&) const {
    return code < numbers_.size() ? numbers_[code] : kNoNumber;
  }

  void clear() {
    numbers_.assign(numbers_.size(), kNoNumber);
    count_ = 0;
  }

 private:
  CountedVector<uint32_t> numbers_;
  uint32_t count_ = 0;
};

/// Any codes that fit into a Code: open addressing. Grows with what it holds, so that a few codes stay in the
/// nearest cache however many rows there are.
template <class Code>
class HashTable {
 public:
  HashTable() : slots_(kFirstSlots) {}

  template <class Same, class Add>
  uint32_t find_or_add(uint64_t code, const Same& same, const Add& add) {
    const size_t mask = slots_.size() - 1;
    for (size_t at = mix(code) & mask;; at = (at + 1) & mask) {
      Slot& slot = slots_[at];
      if (slot.number == kNoNumber) {
        slot = {static_cast<Code>(code), count_};
        const uint32_t number = count_++;
        add();
        if (count_ * size_t{2} > slots_.size()) grow();
        return number;
      }
      if (slot.code == code && same(slot.number)) return slot.number;
    }
  }

  template <class Same>
  uint32_t find(uint64_t code, const Same& same) const {
    const size_t mask = slots_.size() - 1;
    for (size_t at = mix(code) & mask;; at = (at + 1) & mask) {
      const Slot& slot = slots_[at];
      if (slot.number == kNoNumber || (slot.code == code && same(slot.number))) return slot.number;
    }
  }

  void clear() {
    slots_.assign(slots_.size(), Slot{});
    count_ = 0;
  }

 private:
  static constexpr size_t kFirstSlots = 1024;

  struct Slot {
    Code code = 0;
    uint32_t number = kNoNumber;
  };

  void grow() {
    CountedVector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    const size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.number == kNoNumber) continue;
      size_t at = mix(slot.code) & mask;
      while (slots_[at].number != kNoNumber) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  CountedVector<Slot> slots_;
  uint32_t count_ = 0;
};

}  // namespace tql_engine
