// Columns of an ungroup: entries of rows, runs of them, or the rows' values again.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "declared.h"
#include "entry_type.h"
#include "tql_engine/entries.h"
#include "tql_engine/made_source.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

Column numbers_column(CountedVector<int64_t> numbers) {
  auto kept = std::make_shared<CountedVector<int64_t>>(std::move(numbers));
  const auto rows = static_cast<int64_t>(kept->size());
  return Column::dense(Element::kInt64, kept->data(), rows * 8, rows, {}, {}, kept);
}

/// `shapes` with another first extent, without it where `first` is empty.
Column other_first_extent(const Column& shapes, std::span<const int64_t> first) {
  auto extents = std::make_shared<CountedVector<int64_t>>();
  const int64_t rank = shapes.row_elements();
  const auto* values = shapes.values<int64_t>();
  for (int64_t row = 0; row < shapes.length(); ++row, values += rank) {
    if (!first.empty()) extents->push_back(first[static_cast<size_t>(row)]);
    extents->insert(extents->end(), values + 1, values + rank);
  }
  const auto bytes = static_cast<int64_t>(extents->size() * sizeof(int64_t));
  return Column::dense(Element::kInt64, extents->data(), bytes, shapes.length(),
                       {first.empty() ? rank - 1 : rank}, {}, extents);
}

int64_t first_extent(const Column& column, int64_t row) {
  if (column.rank() == 0) throw EngineError(Code::kInternal, "a column without axes cannot be cut");
  int64_t extents[kMaxRank];
  column.shape_at(row, extents);
  return extents[0];
}

/// One entry of a row for each cut.
Column entries_at(const Column& values, std::span<const Cut> cuts) {
  const Entries entries = entries_of(values);
  CountedVector<int64_t> items;
  for (const Cut& cut : cuts) {
    items.push_back(cut.row < 0 ? -1 : entries.offsets[static_cast<size_t>(cut.row)] + cut.start);
  }
  return entries.items.take_or_null(items);
}

}  // namespace

int64_t Cutting::rows_of(int64_t length) const noexcept {
  switch (kind) {
    case Kind::kSplit:
      return length;
    case Kind::kParts:
      return parts;
    case Kind::kLengths:
      break;
  }
  return static_cast<int64_t>(bounds.size()) - 1;
}

RowRange Cutting::entries(int64_t length, int64_t place) const noexcept {
  switch (kind) {
    case Kind::kSplit:
      return {place, place + 1};
    case Kind::kParts:
      return {length / parts * place, place == parts - 1 ? length : length / parts * (place + 1)};
    case Kind::kLengths:
      break;
  }
  return {bounds[static_cast<size_t>(place)], bounds[static_cast<size_t>(place) + 1]};
}

UngroupSource::UngroupSource(ThreadPool& pool, Relation input, Cutting cutting,
                             CountedVector<int64_t> lengths, CountedVector<int64_t> starts,
                             std::vector<UngroupColumn> columns)
    : MadeSource(pool, declared(columns)),
      input_(std::move(input)),
      cutting_(std::move(cutting)),
      lengths_(std::move(lengths)),
      starts_(std::move(starts)),
      made_(std::move(columns)) {}

UngroupSource::Places UngroupSource::places_of(std::span<const int64_t> rows) const {
  Places places;
  int64_t input = 0;
  for (const int64_t row : rows) {
    const bool near =
        row >= starts_[static_cast<size_t>(input)] && row < starts_[static_cast<size_t>(input) + 1];
    if (!near) input = std::upper_bound(starts_.begin(), starts_.end(), row) - starts_.begin() - 1;
    places.inputs.push_back(input);
    places.numbers.push_back(row - starts_[static_cast<size_t>(input)]);
  }
  return places;
}

Column UngroupSource::rows(size_t index, Facet facet, std::span<const int64_t> rows) {
  const UngroupColumn& column = made_[index];
  Places places = places_of(rows);
  switch (column.mode) {
    case UngroupColumn::Mode::kPosition: {
      const Column numbers = numbers_column(std::move(places.numbers));
      return facet == Facet::kShape ? shapes_of(numbers) : numbers;
    }
    case UngroupColumn::Mode::kRepeat:
      return input_.read(column.input, facet, places.inputs, &column.type, pool());
    case UngroupColumn::Mode::kElement:
    case UngroupColumn::Mode::kPart:
      break;
  }
  if (facet == Facet::kShape && !column.type.nullable && !column.type.nested) {
    if (auto shapes = known_shapes(column, places)) return *shapes;
  }
  const Column cut = cut_values(column, places);
  return facet == Facet::kShape ? shapes_of(cut) : cut;
}

std::optional<Column> UngroupSource::known_shapes(const UngroupColumn& column, const Places& places) const {
  const Column shapes = input_.read(column.input, Facet::kShape, places.inputs, nullptr);
  if (shapes.layout() != Layout::kDense || shapes.row_elements() < 1 || shapes.validity() != nullptr)
    return std::nullopt;
  if (column.mode == UngroupColumn::Mode::kElement) return other_first_extent(shapes, {});
  CountedVector<int64_t> lengths;
  for (size_t i = 0; i < places.inputs.size(); ++i) {
    const RowRange part =
        cutting_.entries(lengths_[static_cast<size_t>(places.inputs[i])], places.numbers[i]);
    lengths.push_back(part.stop - part.start);
  }
  return other_first_extent(shapes, lengths);
}

Column UngroupSource::cut_values(const UngroupColumn& column, const Places& places) const {
  // Each row of the input is read once, whatever the number of rows that are made of it.
  CountedVector<int64_t> wanted(places.inputs);
  if (!std::is_sorted(wanted.begin(), wanted.end())) std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  const Column values = input_.read(column.input, Facet::kValues, wanted, nullptr, pool());
  CountedVector<Cut> cuts;
  size_t near = 0;
  for (size_t i = 0; i < places.inputs.size(); ++i) {
    const int64_t input = places.inputs[i];
    if (wanted[near] != input) {
      near = static_cast<size_t>(std::lower_bound(wanted.begin(), wanted.end(), input) - wanted.begin());
    }
    const auto row = static_cast<int64_t>(near);
    const RowRange part = cutting_.entries(lengths_[static_cast<size_t>(input)], places.numbers[i]);
    if (values.is_null(row)) {
      cuts.push_back({-1, 0, 0});
      continue;
    }
    if (part.stop > first_extent(values, row)) {
      throw EngineError(Code::kInternal,
                        "the source gave column '" + column.input.name + "' shorter than its shapes said");
    }
    cuts.push_back({row, part.start, part.stop});
  }
  Column result =
      column.mode == UngroupColumn::Mode::kPart ? cut_rows(values, cuts) : entries_at(values, cuts);
  check_entries(result, column.id, column.type);
  return result;
}

}  // namespace tql_engine
