// Which rows of two sides have equal keys: the equality of a join.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>

#include "tql_engine/column.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/positions.h"

namespace tql_engine {

class Execution;

/// For every left row the right rows whose key is equal, ascending.
template <class Row>
class RowMatches {
 public:
  /// `found`, per left row: its only right row; or `right`, how many there are, plus a place in `lists`,
  /// where their number stands and then they; or kMissing. `unique`: no left row has a list.
  RowMatches(HeapArray<Row> found, HeapArray<Row> lists, int64_t right, bool unique)
      : found_(std::move(found)),
        lists_(std::move(lists)),
        right_(static_cast<Row>(right)),
        unique_(unique) {}

  bool is_unique() const noexcept { return unique_; }
  int64_t count(int64_t left) const noexcept {
    const Row found = at(left);
    if (found == kMissing<Row>) return 0;
    return found < right_ ? 1 : static_cast<int64_t>(lists_.values()[static_cast<size_t>(found - right_)]);
  }
  int64_t partner(int64_t left, int64_t which) const noexcept {
    const Row found = at(left);
    if (found < right_) return static_cast<int64_t>(found);
    return static_cast<int64_t>(
        lists_.values()[static_cast<size_t>(found - right_) + 1 + static_cast<size_t>(which)]);
  }
  /// Per left row its right row or kMissing, where they are unique. Nothing is left behind.
  HeapArray<Row> release() noexcept { return std::move(found_); }
  std::span<const Row> found() const noexcept { return found_.values(); }

 private:
  Row at(int64_t left) const noexcept { return found_.values()[static_cast<size_t>(left)]; }

  HeapArray<Row> found_;
  HeapArray<Row> lists_;
  Row right_;
  bool unique_;
};

/// All rows match all.
class AllMatches {
 public:
  explicit AllMatches(int64_t right) : right_(right) {}

  int64_t count(int64_t) const noexcept { return right_; }
  int64_t partner(int64_t, int64_t which) const noexcept { return which; }

 private:
  int64_t right_;
};

/// Of 32 bits where row numbers fit into them.
using Matches = std::variant<AllMatches, RowMatches<uint32_t>, RowMatches<int64_t>>;

/// Matches scalars of one element kind; NULL and NaN match nothing. Throws EngineError(kInternal) for others.
Matches match_rows(Execution& execution, const Column& left, const Column& right);

}  // namespace tql_engine
