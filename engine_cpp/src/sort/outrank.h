// Which rows can be among the first at all: a test of many values at once, before anything is encoded.
#pragma once

#include <cstdint>

#include "tql_engine/sort.h"

namespace tql_engine {

/// Values are tested this many at a time.
inline constexpr int64_t kOutrankRows = 128;

/// Compares the values of a key with that of one row. NULL comes last, so that a row whose value is NULL
/// needs no place among those that outrank, whatever is stored for it.
class Outrank {
 public:
  /// `ties`: whether equal values outrank too, since further keys decide between them.
  Outrank(const SortKey& key, bool ties) noexcept;

  /// The row to compare with; from now on, active() says whether there is a test for it.
  void set_bound(int64_t row) noexcept;
  bool active() const noexcept { return active_; }

  /// While active: whether any row of [begin, end) may come before the bound.
  bool any(int64_t begin, int64_t end) const noexcept {
    return any_(key_->column.raw_values(), begin, end, &bound_);
  }

 private:
  using Any = bool (*)(const void* values, int64_t begin, int64_t end, const void* bound) noexcept;
  union Value {
    int64_t integer;
    uint64_t word;
    double number;
  };

  void choose_for(Element element) noexcept;
  template <class T>
  void choose() noexcept;

  const SortKey* key_;
  bool ties_;
  bool active_ = false;
  Any any_ = nullptr;  // none for texts, halves and lists
  bool (*bound_of_)(const void* values, int64_t row, bool descending, bool ties,
                    void* bound) noexcept = nullptr;
  Value bound_{};  // of the column's type
};

}  // namespace tql_engine
