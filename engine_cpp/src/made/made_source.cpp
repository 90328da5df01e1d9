// What made sources share: columns by name, rows within bounds, partitions of bounded size.
#include "tql_engine/made_source.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "spread.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kPartitionBytes = 64 << 20;
constexpr int64_t kPartitionRows = 1 << 20;
constexpr size_t kSampleRows = 16;

[[noreturn]] void refuse_rows(int64_t rows) {
  throw std::out_of_range("rows are outside of " + std::to_string(rows) + " rows");
}

Column empty_rows(const Type& type, Facet facet) {
  if (facet != Facet::kShape) return Column::empty(type);
  const int64_t rank = type.nested ? 1 : type.shape ? static_cast<int64_t>(type.shape->size()) : -1;
  return Column::empty({Element::kInt64, std::vector<int64_t>{rank}});
}

}  // namespace

size_t MadeSource::index_of(const std::string& column) const {
  const auto found =
      std::find_if(columns_.begin(), columns_.end(), [&](const auto& made) { return made.id == column; });
  if (found == columns_.end())
    throw EngineError(Code::kInternal, "a made source has no column '" + column + "'");
  return static_cast<size_t>(found - columns_.begin());
}

std::vector<RowRange> MadeSource::partitions(std::span<const std::string> columns) {
  const int64_t total = num_rows();
  int64_t bytes = 1;
  for (const std::string& column : columns) bytes += known_row_bytes(index_of(column));
  const int64_t step = std::clamp<int64_t>(kPartitionBytes / bytes, 1, kPartitionRows);
  std::vector<RowRange> parts;
  for (int64_t start = 0; start < total; start += step)
    parts.push_back({start, std::min(total, start + step)});
  return parts;
}

int64_t MadeSource::known_row_bytes(size_t index) {
  if (num_rows() == 0) return 0;
  {
    const std::lock_guard lock(mutex_);
    const auto known = row_bytes_.find(index);
    if (known != row_bytes_.end()) return known->second;
  }
  const int64_t bytes = row_bytes(index);
  const std::lock_guard lock(mutex_);
  return row_bytes_.emplace(index, bytes).first->second;
}

int64_t MadeSource::row_bytes(size_t index) {
  const Type& type = columns_[index].type;
  if (type.is_fixed() && is_numeric(type.element)) {
    const auto elements = checked_product(type.shape->data(), static_cast<int>(type.shape->size()));
    return std::min(elements.value_or(kPartitionBytes), kPartitionBytes) * element_size(type.element);
  }
  const std::vector<int64_t> sample = spread(num_rows(), kSampleRows);
  return rows(index, Facet::kValues, sample).byte_count() / static_cast<int64_t>(sample.size());
}

Column MadeSource::read(const std::string& column, Facet facet, int64_t start, int64_t stop) {
  const size_t index = index_of(column);
  if (start < 0 || stop < start || stop > num_rows()) refuse_rows(num_rows());
  return start == stop ? empty_rows(columns_[index].type, facet) : range(index, facet, start, stop);
}

Column MadeSource::take(const std::string& column, Facet facet, std::span<const int64_t> wanted) {
  const size_t index = index_of(column);
  const int64_t bound = num_rows();
  for (const int64_t row : wanted) {
    if (row < 0 || row >= bound) refuse_rows(bound);
  }
  return wanted.empty() ? empty_rows(columns_[index].type, facet) : rows(index, facet, wanted);
}

Column MadeSource::range(size_t index, Facet facet, int64_t start, int64_t stop) {
  CountedVector<int64_t> wanted(static_cast<size_t>(stop - start));
  std::iota(wanted.begin(), wanted.end(), start);
  return rows(index, facet, wanted);
}

}  // namespace tql_engine
