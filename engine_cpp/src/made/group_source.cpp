// Columns of a group: the values of its rows as one value.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "declared.h"
#include "entry_type.h"
#include "spread.h"
#include "tql_engine/entries.h"
#include "tql_engine/made_source.h"

namespace tql_engine {
namespace {

constexpr size_t kSampleRows = 16;

/// [size, extents...] of each row; nothing where the plan does not know the extents.
std::optional<Column> known_shapes(std::span<const int64_t> offsets, const Type& type) {
  std::vector<int64_t> extents{0};
  if (!type.nested) {
    if (!type.shape || type.shape->empty()) return std::nullopt;
    extents = *type.shape;
    if (std::any_of(extents.begin() + 1, extents.end(), [](int64_t n) { return n < 0; })) return std::nullopt;
  }
  auto shapes = std::make_shared<CountedVector<int64_t>>();
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    extents[0] = offsets[i + 1] - offsets[i];
    shapes->insert(shapes->end(), extents.begin(), extents.end());
  }
  const auto bytes = static_cast<int64_t>(shapes->size() * sizeof(int64_t));
  return Column::dense(Element::kInt64, shapes->data(), bytes, static_cast<int64_t>(offsets.size()) - 1,
                       {static_cast<int64_t>(extents.size())}, {}, shapes);
}

}  // namespace

GroupSource::GroupSource(ThreadPool& pool, Relation input, GroupRows groups, std::vector<GroupColumn> columns)
    : MadeSource(pool, declared(columns)),
      input_(std::move(input)),
      groups_(std::move(groups)),
      made_(std::move(columns)) {}

Column GroupSource::rows(size_t index, Facet facet, std::span<const int64_t> rows) {
  const GroupColumn& column = made_[index];
  if (column.kind == GroupColumn::Kind::kFirst) {
    CountedVector<int64_t> positions;
    positions.reserve(rows.size());
    const std::span<const int64_t> firsts = std::as_const(groups_.firsts).values();
    for (const int64_t group : rows) positions.push_back(firsts[static_cast<size_t>(group)]);
    return input_.read(column.input, facet, positions, &column.type, pool());
  }
  if (column.kind != GroupColumn::Kind::kValues) {
    const Column scalars = groups_.scalars.at(index).take(rows);
    return facet == Facet::kShape ? shapes_of(scalars) : scalars;
  }
  const std::span<const int64_t> order = std::as_const(groups_.order).values();
  const std::span<const int64_t> offsets = std::as_const(groups_.offsets).values();
  CountedVector<int64_t> positions;
  CountedVector<int64_t> row_offsets(1, 0);
  for (const int64_t group : rows) {
    const int64_t begin = offsets[static_cast<size_t>(group)];
    const int64_t end = offsets[static_cast<size_t>(group) + 1];
    positions.insert(positions.end(), order.begin() + begin, order.begin() + end);
    row_offsets.push_back(row_offsets.back() + end - begin);
  }
  return gather(index, facet, positions, std::move(row_offsets));
}

Column GroupSource::range(size_t index, Facet facet, int64_t start, int64_t stop) {
  const GroupColumn& column = made_[index];
  if (column.kind == GroupColumn::Kind::kFirst) {
    const auto positions = std::as_const(groups_.firsts)
                               .values()
                               .subspan(static_cast<size_t>(start), static_cast<size_t>(stop - start));
    return input_.read(column.input, facet, positions, &column.type, pool());
  }
  if (column.kind != GroupColumn::Kind::kValues) {
    const Column scalars = groups_.scalars.at(index).slice(start, stop);
    return facet == Facet::kShape ? shapes_of(scalars) : scalars;
  }
  const std::span<const int64_t> order = std::as_const(groups_.order).values();
  const auto part = std::as_const(groups_.offsets)
                        .values()
                        .subspan(static_cast<size_t>(start), static_cast<size_t>(stop - start) + 1);
  const auto positions =
      order.subspan(static_cast<size_t>(part.front()), static_cast<size_t>(part.back() - part.front()));
  CountedVector<int64_t> row_offsets(part.begin(), part.end());
  for (int64_t& offset : row_offsets) offset -= part.front();
  return gather(index, facet, positions, std::move(row_offsets));
}

Column GroupSource::gather(size_t index, Facet facet, std::span<const int64_t> positions,
                           CountedVector<int64_t> row_offsets) {
  const GroupColumn& column = made_[index];
  if (facet == Facet::kShape) {
    if (const auto shapes = known_shapes(row_offsets, column.type)) return *shapes;
  }
  const Column items = input_.read(column.input, Facet::kValues, positions, nullptr, pool());
  check_entries(items, column.input.name, column.type.entry());
  const Column rows = rows_of_items(items, std::move(row_offsets), column.type);
  return facet == Facet::kShape ? shapes_of(rows) : rows;
}

int64_t GroupSource::row_bytes(size_t index) {
  const GroupColumn& column = made_[index];
  if (column.kind != GroupColumn::Kind::kValues) return MadeSource::row_bytes(index);
  const auto total = static_cast<int64_t>(std::as_const(groups_.order).values().size());
  std::vector<int64_t> sample = spread(total, kSampleRows);
  const Column items = input_.read(column.input, Facet::kValues, sample, nullptr);
  return items.byte_count() / static_cast<int64_t>(sample.size()) * (total / num_rows() + 1);
}

}  // namespace tql_engine
