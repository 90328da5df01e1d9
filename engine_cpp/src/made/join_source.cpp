// Columns of a join: the rows of either side, repeated as its pairs say.
#include <utility>

#include "declared.h"
#include "tql_engine/made_source.h"

namespace tql_engine {

JoinSource::JoinSource(ThreadPool& pool, Relation left, Relation right, JoinPairs pairs,
                       std::vector<JoinColumn> columns)
    : MadeSource(pool, declared(columns)),
      left_(std::move(left)),
      right_(std::move(right)),
      pairs_(std::move(pairs)),
      all_pairs_(false),
      num_rows_(pairs_.left.size()),
      made_(std::move(columns)) {}

JoinSource::JoinSource(ThreadPool& pool, Relation left, Relation right, std::vector<JoinColumn> columns)
    : MadeSource(pool, declared(columns)),
      left_(std::move(left)),
      right_(std::move(right)),
      all_pairs_(true),
      num_rows_(left_.size() * right_.size()),
      made_(std::move(columns)) {}

Column JoinSource::rows(size_t index, Facet facet, std::span<const int64_t> rows) {
  const JoinColumn& column = made_[index];
  CountedVector<int64_t> positions(rows.begin(), rows.end());
  if (all_pairs_) {
    const int64_t width = right_.size();
    for (int64_t& position : positions) position = column.right ? position % width : position / width;
  } else {
    const PositionList& side = column.right ? pairs_.right : pairs_.left;
    for (int64_t& position : positions) position = side.at(position);
  }
  return (column.right ? right_ : left_).read(column.input, facet, positions, &column.type, pool());
}

Column JoinSource::range(size_t index, Facet facet, int64_t start, int64_t stop) {
  if (all_pairs_) return MadeSource::range(index, facet, start, stop);
  const JoinColumn& column = made_[index];
  const PositionList& side = column.right ? pairs_.right : pairs_.left;
  return (column.right ? right_ : left_)
      .read(column.input, facet, side.slice(start, stop), &column.type, pool());
}

}  // namespace tql_engine
