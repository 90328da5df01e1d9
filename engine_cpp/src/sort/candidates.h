// Which rows can be among the first k at all: a test of many values at once, before anything is encoded.
#pragma once

#include <cstdint>

#include "tql_engine/column.h"

namespace tql_engine {

/// Values are looked at in blocks of so many.
inline constexpr int64_t kCandidateRows = 256;

/// Finds the values of a numeric key that are not behind a limit. NULL comes last, whatever is stored for it,
/// so its value may be found and must be thrown away by the caller; NaN is never found.
class CandidateFinder {
 public:
  struct Block {
    int64_t begin;
    int64_t found;  // 0 only where begin is the end
  };
  using Find = Block (*)(const void* values, int64_t begin, int64_t end, const void* limit,
                         uint16_t* rows) noexcept;
  /// False where no value comes before the limit.
  using SetLimit = bool (*)(uint64_t code, bool descending, bool ties, void* limit) noexcept;

  CandidateFinder(Element element, bool descending) noexcept;

  /// From now on finds what may come before a row with this code of the key; with `ties` equal values too.
  /// Without a limit, and for texts, every row is found.
  void set_limit(uint64_t code, bool ties) noexcept;

  /// The first block from `begin` on with a candidate; `rows`, [kCandidateRows], get their places in the
  /// block.
  Block next(const std::byte* values, int64_t begin, int64_t end, uint16_t* rows) const noexcept;

 private:
  enum class Finds : uint8_t { kAll, kSome, kNone };

  bool descending_;
  Finds finds_ = Finds::kAll;
  Find find_ = nullptr;
  SetLimit set_limit_ = nullptr;
  alignas(8) std::byte limit_[8] = {};  // of the column's type
};

}  // namespace tql_engine
