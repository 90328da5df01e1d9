// Checks between the engine and sources that somebody else wrote.
#include "tql_engine/source.h"

#include <algorithm>
#include <utility>

#include "tql_engine/status.h"

namespace tql_engine {
namespace {

[[noreturn]] void blame_source(const std::string& message) {
  throw EngineError(Code::kInternal, "the source " + message);
}

Column check_length(Column column, const std::string& name, int64_t rows) {
  if (column.length() != rows) {
    blame_source("gave " + std::to_string(column.length()) + " rows of column '" + name + "' instead of " +
                 std::to_string(rows));
  }
  return column;
}

}  // namespace

std::vector<int64_t> Source::nearest(const std::string& column, const std::string&, std::span<const double>,
                                     int64_t) {
  blame_source("has no index of column '" + column + "'");
}

CheckedSource::CheckedSource(SourcePtr source)
    : source_(std::move(source)), num_rows_(source_->num_rows()), in_memory_(source_->in_memory()) {
  if (num_rows_ < 0) blame_source("has a negative number of rows");
}

std::vector<RowRange> CheckedSource::partitions(std::span<const std::string> columns) {
  std::vector<std::string> names(columns.begin(), columns.end());
  {
    const std::lock_guard lock(mutex_);
    const auto known = partitions_.find(names);
    if (known != partitions_.end()) return known->second;
  }
  std::vector<RowRange> parts = source_->partitions(columns);
  int64_t expected = 0;
  for (const RowRange& part : parts) {
    if (part.start != expected || part.stop < part.start)
      blame_source("has partitions with gaps or out of order");
    expected = part.stop;
  }
  if (expected != num_rows_) blame_source("has partitions that do not cover all rows");
  const std::lock_guard lock(mutex_);
  return partitions_.emplace(std::move(names), std::move(parts)).first->second;
}

ZoneView CheckedSource::zones(const std::string& column) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = zones_.find(column);
    if (known != zones_.end()) return known->second;
  }
  ZoneView zones = source_->zones(column);  // without the lock, which another thread may wait for
  const std::lock_guard lock(mutex_);
  return zones_.emplace(column, std::move(zones)).first->second;
}

Column CheckedSource::read(const std::string& column, Facet facet, int64_t start, int64_t stop) {
  return check_length(source_->read(column, facet, start, stop), column, stop - start);
}

Column CheckedSource::take(const std::string& column, Facet facet, std::span<const int64_t> rows) {
  return check_length(source_->take(column, facet, rows), column, static_cast<int64_t>(rows.size()));
}

std::vector<int64_t> CheckedSource::nearest(const std::string& column, const std::string& metric,
                                            std::span<const double> query, int64_t count) {
  std::vector<int64_t> rows = source_->nearest(column, metric, query, count);
  std::sort(rows.begin(), rows.end());
  if (!rows.empty() && (rows.front() < 0 || rows.back() >= num_rows_))
    blame_source("found vectors in rows that it does not have");
  if (std::adjacent_find(rows.begin(), rows.end()) != rows.end())
    blame_source("found the vector of a row twice");
  if (static_cast<int64_t>(rows.size()) < std::min(count, num_rows_))
    blame_source("found fewer vectors than were asked for");
  return rows;
}

void check_type(const Column& column, const std::string& name, const Type& type) {
  if (column.element() != type.element) {
    blame_source("gave column '" + name + "' as " + std::string(element_name(column.element())) +
                 ", the plan says " + std::string(element_name(type.element)));
  }
  if (type.shape && static_cast<size_t>(column.rank()) != type.shape->size()) {
    blame_source("gave column '" + name + "' with rank " + std::to_string(column.rank()) +
                 ", the plan says " + std::to_string(type.shape->size()));
  }
  if (type.nested != (column.layout() == Layout::kList)) {
    blame_source("gave column '" + name + "' as " + std::string(layout_name(column.layout())) +
                 ", which is not what the plan says");
  }
}

}  // namespace tql_engine
