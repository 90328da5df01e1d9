// Which rows of two sides have equal keys: the equality of a join.
#pragma once

#include <cstdint>
#include <variant>

#include "tql_engine/column.h"
#include "tql_engine/heap_array.h"

namespace tql_engine {

class Execution;

/// For every left row the right rows whose key is equal, ascending.
template <class Row>
class RowMatches {
 public:
  /// One right row itself, or a place in a list from where on they are.
  struct Run {
    Row first = 0;
    Row count = 0;
  };

  RowMatches(HeapArray<Run> runs, HeapArray<Row> listed)
      : runs_(std::move(runs)), listed_(std::move(listed)) {}

  int64_t count(int64_t left) const noexcept { return static_cast<int64_t>(run(left).count); }
  int64_t partner(int64_t left, int64_t which) const noexcept {
    const Run& found = run(left);
    return static_cast<int64_t>(found.count == 1 ? found.first
                                                 : listed_.values()[found.first + static_cast<Row>(which)]);
  }

 private:
  const Run& run(int64_t left) const noexcept { return runs_.values()[static_cast<size_t>(left)]; }

  HeapArray<Run> runs_;  // per left row
  HeapArray<Row> listed_;
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
using Matches = std::variant<AllMatches, RowMatches<uint32_t>, RowMatches<uint64_t>>;

/// Matches scalars of one element kind; NULL and NaN match nothing. Throws EngineError(kInternal) for others.
Matches match_rows(Execution& execution, const Column& left, const Column& right);

}  // namespace tql_engine
