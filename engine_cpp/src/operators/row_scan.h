// The rows of a relation as programs get to see them: read in segments, partition by partition where the
// relation is a range or a set of rows of the source, else by position.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tql_engine/execution.h"

namespace tql_engine {

/// Rows of which the columns have been read, as a segment for each program.
struct ScannedRows {
  std::vector<Segment> segments;
  int64_t size = 0;             // of every segment
  int64_t position = 0;         // in the relation, of its first row that is there
  const Bitmap* set = nullptr;  // which rows are in the relation, by their number in the source; null: all
  int64_t first = 0;            // that number, of the first row

  /// Where the pieces of `grain` rows begin in the relation.
  std::vector<int64_t> positions(int64_t grain) const;
  /// Rows [begin, end) as far as they are in the relation; `picked` has to live as long.
  Batch batch(size_t program, int64_t begin, int64_t end, std::vector<int32_t>& picked) const;
};

/// Calls `visit` for all rows of a relation, in the order of their positions, on the calling thread.
void scan_rows(Execution& execution, const Relation& relation, std::span<const Program* const> programs,
               const std::function<void(const ScannedRows&)>& visit);

/// The columns that some programs give for rows from `position` on; they live during the call.
using VisitColumns = std::function<void(std::span<const Column> columns, int64_t position, int worker)>;

/// Evaluates programs over a relation, a few thousand rows at a time on all threads, and keeps nothing.
void visit_columns(Execution& execution, const Relation& relation, std::span<const Program* const> programs,
                   const VisitColumns& visit);

}  // namespace tql_engine
