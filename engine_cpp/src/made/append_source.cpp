// Columns of appended relations: two pieces, one behind the other.
#include <array>
#include <utility>

#include "declared.h"
#include "tql_engine/made_source.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

Column appended(const AppendColumn& column, Column left, Column right) {
  const std::array<Column, 2> both{std::move(left), std::move(right)};
  if (both[0].rank() != both[1].rank()) {
    throw EngineError(Code::kInternal, "the sides of column '" + column.id + "' have different ranks");
  }
  return Column::concat(both);
}

}  // namespace

AppendSource::AppendSource(ThreadPool& pool, Relation left, Relation right, std::vector<AppendColumn> columns)
    : MadeSource(pool, declared(columns)),
      left_(std::move(left)),
      right_(std::move(right)),
      made_(std::move(columns)) {}

Column AppendSource::range(size_t index, Facet facet, int64_t start, int64_t stop) {
  const AppendColumn& column = made_[index];
  const int64_t boundary = left_.size();
  const auto side = [&](const Relation& rows, const InputColumn& input, int64_t first, int64_t last) {
    return rows.read(input, facet, Positions::run(first, last - first), &column.type, pool());
  };
  if (stop <= boundary) return side(left_, column.left, start, stop);
  if (start >= boundary) return side(right_, column.right, start - boundary, stop - boundary);
  return appended(column, side(left_, column.left, start, boundary),
                  side(right_, column.right, 0, stop - boundary));
}

Column AppendSource::rows(size_t index, Facet facet, std::span<const int64_t> rows) {
  const AppendColumn& column = made_[index];
  const int64_t boundary = left_.size();
  CountedVector<int64_t> left;
  CountedVector<int64_t> right;
  for (const int64_t row : rows) {
    if (row < boundary) {
      left.push_back(row);
    } else {
      right.push_back(row - boundary);
    }
  }
  if (right.empty()) return left_.read(column.left, facet, left, &column.type, pool());
  if (left.empty()) return right_.read(column.right, facet, right, &column.type, pool());
  const Column joined = appended(column, left_.read(column.left, facet, left, &column.type, pool()),
                                 right_.read(column.right, facet, right, &column.type, pool()));
  CountedVector<int64_t> places(rows.size());
  int64_t next_left = 0;
  auto next_right = static_cast<int64_t>(left.size());
  bool in_order = true;
  for (size_t i = 0; i < places.size(); ++i) {
    places[i] = rows[i] < boundary ? next_left++ : next_right++;
    in_order = in_order && places[i] == static_cast<int64_t>(i);
  }
  return in_order ? joined : joined.take(places);
}

}  // namespace tql_engine
