// What one node of a plan hands to the next.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "tql_engine/column.h"
#include "tql_engine/positions.h"
#include "tql_engine/selection.h"
#include "tql_engine/source.h"

namespace tql_engine {

class ThreadPool;

/// A column of a relation, by name: one of its source, or one that was computed.
struct InputColumn {
  std::string name;
  bool computed = false;
};

/// An operator's answer: rows of a source in order, and the columns computed so far, row by row beside them.
struct Relation {
  SourcePtr source;
  Selection rows;
  std::map<std::string, Column> computed;

  int64_t size() const noexcept { return rows.size(); }
  Relation slice(int64_t start, int64_t count) const;
  Relation select(std::span<const int64_t> positions, ThreadPool& pool) const;

  /// Rows of a column at these positions, where -1 is a row that is NULL; none of them may be beyond the end.
  /// `type`: of the values, checked; it may be null if a position has a row. Reads no more rows than there
  /// are positions, but looks at more of a source in memory. What it reads of storage counts as held.
  Column read(const InputColumn& column, Facet facet, const Positions& positions, const Type* type,
              ThreadPool* pool = nullptr) const;
};

/// The facet "shape" of a column: int64 arrays with the extents of each row.
Column shapes_of(const Column& column);

}  // namespace tql_engine
