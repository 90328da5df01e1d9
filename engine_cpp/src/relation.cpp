// Reading the rows of a relation, wherever their source has them.
#include "tql_engine/relation.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// Reads rows of a source, in one run where that takes no more than they are: rows that lie close together,
/// and rows that come again and again.
Column read_rows(Source& source, const std::string& name, Facet facet, std::span<const int64_t> rows) {
  const auto [low, high] = std::minmax_element(rows.begin(), rows.end());
  const int64_t first = *low;
  const int64_t span = *high - first + 1;
  if (span > static_cast<int64_t>(rows.size())) return source.take(name, facet, rows);
  Column run = source.read(name, facet, first, first + span);
  std::vector<int64_t> places(rows.begin(), rows.end());
  bool in_order = true;
  for (size_t i = 0; i < places.size(); ++i) {
    places[i] -= first;
    in_order = in_order && places[i] == static_cast<int64_t>(i);
  }
  return in_order ? run : run.take(places);
}

Type shape_type(const Type& type) {
  const int64_t rank = type.nested ? 1 : type.shape ? static_cast<int64_t>(type.shape->size()) : -1;
  return {Element::kInt64, std::vector<int64_t>{rank}};
}

}  // namespace

Relation Relation::slice(int64_t start, int64_t count) const {
  Relation result{source, rows.slice(start, count), {}};
  const int64_t begin = std::min(start, size());
  for (const auto& [id, column] : computed)
    result.computed.emplace(id, column.slice(begin, begin + result.size()));
  return result;
}

Relation Relation::select(std::span<const int64_t> positions, ThreadPool& pool) const {
  Relation result{source, rows.select(positions, &pool), {}};
  for (const auto& [id, column] : computed) result.computed.emplace(id, column.take(positions));
  return result;
}

Column Relation::read(const InputColumn& column, Facet facet, std::span<const int64_t> positions,
                      const Type* type) const {
  if (column.computed) {
    Column values = computed.at(column.name).take_or_null(positions);
    if (type != nullptr) check_type(values, column.name, *type);
    return facet == Facet::kShape ? shapes_of(values) : values;
  }
  std::vector<int64_t> wanted;  // rows of the source
  std::vector<int64_t> places;  // per position: where its row is in `wanted`, -1 for none
  const bool is_range = rows.kind() == Selection::Kind::kRange;
  const int64_t first = rows.row_bound() - rows.size();
  const std::span<const int64_t> listed = is_range ? std::span<const int64_t>() : rows.indices();
  wanted.reserve(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    const int64_t position = positions[i];
    if (position < 0 && places.empty()) {
      places.resize(positions.size());
      for (size_t k = 0; k < i; ++k) places[k] = static_cast<int64_t>(k);
    }
    if (!places.empty()) places[i] = position < 0 ? -1 : static_cast<int64_t>(wanted.size());
    if (position >= 0) wanted.push_back(is_range ? first + position : listed[static_cast<size_t>(position)]);
  }
  if (wanted.empty()) {
    const Column none = Column::empty(facet == Facet::kShape ? shape_type(*type) : *type);
    return none.take_or_null(places);
  }
  const Column read = read_rows(*source, column.name, facet, wanted);
  if (facet == Facet::kValues && type != nullptr) check_type(read, column.name, *type);
  if (facet == Facet::kShape && read.element() != Element::kInt64) {
    throw EngineError(Code::kInternal, "the source gave shapes of column '" + column.name + "' as " +
                                           std::string(element_name(read.element())));
  }
  return places.empty() ? read : read.take_or_null(places);
}

Column shapes_of(const Column& column) {
  struct Buffers {
    std::vector<int64_t> extents;
    std::vector<uint8_t> validity;
  };
  auto buffers = std::make_shared<Buffers>();
  const int rank = column.shape_rank();
  buffers->extents.resize(static_cast<size_t>(column.length() * rank));
  for (int64_t row = 0; row < column.length(); ++row) {
    column.shape_at(row, buffers->extents.data() + row * rank);
  }
  if (column.validity() != nullptr) {
    buffers->validity.assign(column.validity(), column.validity() + column.length());
  }
  const auto bytes = static_cast<int64_t>(buffers->extents.size() * sizeof(int64_t));
  const int64_t* extents = buffers->extents.data();
  const std::span<const uint8_t> validity = buffers->validity;
  return Column::dense(Element::kInt64, extents, bytes, column.length(), {rank}, validity, buffers);
}

}  // namespace tql_engine
