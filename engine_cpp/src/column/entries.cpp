// Entries of the first axis: the inner arrays of an array, the strings of a list of text, the items of a
// list.
#include "tql_engine/entries.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "buffers.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// Buffers of a column over the memory of another one.
struct Nested {
  column_parts::Buffers buffers;
  CountedVector<int64_t> given;  // offsets that were handed over
  Column kept;
};

int64_t at(std::span<const int64_t> values, int64_t index) noexcept {
  return values[static_cast<size_t>(index)];
}

std::vector<int64_t> tail(const std::vector<int64_t>& shape) { return {shape.begin() + 1, shape.end()}; }

/// Arrays of rank 2 and more whose shapes differ.
Entries ragged_entries(const Column& column) {
  auto made = std::make_shared<Nested>();
  made->kept = column;
  const auto rank = static_cast<size_t>(column.rank());
  CountedVector<int64_t>& offsets = made->buffers.offsets;
  CountedVector<int64_t>& shapes = made->buffers.shapes;
  Entries entries;
  entries.offsets.push_back(0);
  offsets.push_back(column.offsets().front());
  for (int64_t row = 0; row < column.length(); ++row) {
    const auto shape = column.shapes().subspan(static_cast<size_t>(row) * rank, rank);
    const int64_t inner = shape[0] == 0 ? 0 : column.elements_at(row) / shape[0];
    for (int64_t i = 0; i < shape[0]; ++i) {
      offsets.push_back(offsets.back() + inner);
      shapes.insert(shapes.end(), shape.begin() + 1, shape.end());
    }
    entries.offsets.push_back(entries.offsets.back() + shape[0]);
  }
  entries.items = Column::ragged(column.element(), column.raw_values(), column.value_count(), offsets, shapes,
                                 column.rank() - 1, {}, made);
  return entries;
}

CountedVector<int64_t> copy_of(const Offsets& offsets) {
  return offsets.visit(
      [&](const auto* values) { return CountedVector<int64_t>(values, values + offsets.size()); });
}

Column text_items(const Column& column) {
  auto made = std::make_shared<Column>(column);
  return Column::text(column.offsets(), {column.values<char>(), static_cast<size_t>(column.value_count())},
                      {}, made);
}

void refuse_nulls(const Column& items) {
  const uint8_t* validity = items.validity();
  if (validity != nullptr && std::find(validity, validity + items.length(), 0) != validity + items.length()) {
    throw EngineError(Code::kInternal, "the source gave NULL where the plan says that there is none");
  }
}

/// The one shape that all items have, as the type of their rows says.
std::vector<int64_t> item_shape(const Column& items, const Type& type) {
  std::vector<int64_t> shape = items.layout() == Layout::kDense ? items.row_shape() : std::vector<int64_t>{};
  if (items.layout() == Layout::kRagged) {
    shape = type.shape ? tail(*type.shape) : std::vector<int64_t>(static_cast<size_t>(items.rank()), 0);
    for (int64_t& extent : shape) extent = std::max<int64_t>(extent, 0);
    std::vector<int64_t> own(static_cast<size_t>(items.rank()));
    for (int64_t row = 0; row < items.length(); ++row) {
      items.shape_at(row, own.data());
      if (own != shape)
        throw EngineError(Code::kInternal, "the source gave arrays of another shape than the plan says");
    }
  }
  return shape;
}

}  // namespace

Entries entries_of(const Column& column) {
  Entries entries;
  switch (column.layout()) {
    case Layout::kList:
      entries.items = column.items();
      entries.offsets = copy_of(column.row_offsets());
      return entries;
    case Layout::kTextList:
      entries.items = text_items(column);
      entries.offsets = copy_of(column.row_offsets());
      return entries;
    case Layout::kRagged: {
      if (column.rank() > 1) return ragged_entries(column);
      const int64_t bytes = column.value_count() * element_size(column.element());
      entries.items = Column::dense(column.element(), column.raw_values(), bytes, column.value_count(), {},
                                    {}, std::make_shared<Column>(column));
      entries.offsets = copy_of(column.offsets());
      return entries;
    }
    case Layout::kDense: {
      if (column.rank() == 0) break;
      const int64_t each = column.row_shape().front();
      const int64_t bytes = column.value_count() * element_size(column.element());
      entries.items = Column::dense(column.element(), column.raw_values(), bytes, column.length() * each,
                                    tail(column.row_shape()), {}, std::make_shared<Column>(column));
      for (int64_t row = 0; row <= column.length(); ++row) entries.offsets.push_back(row * each);
      return entries;
    }
    case Layout::kText:
    case Layout::kDictionary:
      break;
  }
  throw EngineError(Code::kInternal, "a column without axes has no entries");
}

Column rows_of_items(const Column& items, CountedVector<int64_t> offsets, const Type& type) {
  auto made = std::make_shared<Nested>();
  made->kept = items;
  column_parts::Buffers& buffers = made->buffers;
  if (type.nested) {
    made->given = std::move(offsets);
    return Column::list(made->given, items, {}, made);
  }
  if (items.layout() == Layout::kDictionary) return rows_of_items(items.as_plain(), std::move(offsets), type);
  refuse_nulls(items);
  if (items.layout() == Layout::kText) {
    made->given = std::move(offsets);
    const std::span<const char> data{items.values<char>(), static_cast<size_t>(items.value_count())};
    return Column::text_list(made->given, items.offsets(), data, {}, made);
  }
  if (items.layout() != Layout::kDense && items.layout() != Layout::kRagged) {
    throw EngineError(Code::kInternal, "lists of lists are nested");
  }
  const std::vector<int64_t> shape = item_shape(items, type);
  const auto elements = checked_product(shape.data(), static_cast<int>(shape.size()));
  const int64_t first = items.layout() == Layout::kRagged ? items.offsets().front() : 0;
  for (size_t row = 0; row + 1 < offsets.size(); ++row) {
    buffers.shapes.push_back(offsets[row + 1] - offsets[row]);
    buffers.shapes.insert(buffers.shapes.end(), shape.begin(), shape.end());
  }
  buffers.offsets.assign(offsets.begin(), offsets.end());
  for (int64_t& offset : buffers.offsets) offset = first + offset * elements.value_or(0);
  return Column::ragged(items.element(), items.raw_values(), items.value_count(), buffers.offsets,
                        buffers.shapes, static_cast<int>(shape.size()) + 1, {}, made);
}

Column cut_rows(const Column& column, std::span<const Cut> cuts) {
  auto made = std::make_shared<Nested>();
  column_parts::Buffers& buffers = made->buffers;
  const bool missing = std::any_of(cuts.begin(), cuts.end(), [](const Cut& cut) { return cut.row < 0; });
  if (missing) {
    for (const Cut& cut : cuts) buffers.validity.push_back(cut.row < 0 ? 0 : 1);
  }
  const Entries entries = entries_of(column);
  CountedVector<int64_t> taken;
  buffers.row_offsets.push_back(0);
  for (const Cut& cut : cuts) {
    const int64_t first = cut.row < 0 ? 0 : at(entries.offsets, cut.row);
    for (int64_t entry = cut.start; cut.row >= 0 && entry < cut.stop; ++entry) taken.push_back(first + entry);
    buffers.row_offsets.push_back(static_cast<int64_t>(taken.size()));
  }
  made->kept = entries.items.take(taken);
  const Column& items = made->kept;
  if (column.layout() == Layout::kList)
    return Column::list(buffers.row_offsets, items, buffers.validity, made);
  if (column.layout() == Layout::kTextList) {
    const std::span<const char> data{items.values<char>(), static_cast<size_t>(items.value_count())};
    return Column::text_list(buffers.row_offsets, items.offsets(), data, buffers.validity, made);
  }
  // Arrays keep the inner extents of their row, also where nothing is left of it.
  const auto rank = static_cast<size_t>(column.rank());
  std::vector<int64_t> shape(rank);
  buffers.offsets.push_back(0);
  for (const Cut& cut : cuts) {
    std::fill(shape.begin(), shape.end(), 0);
    if (cut.row >= 0) {
      column.shape_at(cut.row, shape.data());
      shape[0] = cut.stop - cut.start;
    }
    buffers.shapes.insert(buffers.shapes.end(), shape.begin(), shape.end());
    const auto elements = checked_product(shape.data(), column.rank());
    buffers.offsets.push_back(buffers.offsets.back() + elements.value_or(0));
  }
  const bool dense = items.layout() == Layout::kDense;
  const std::byte* values = items.raw_values();
  return Column::ragged(items.element(), values, dense ? items.value_count() : buffers.offsets.back(),
                        buffers.offsets, buffers.shapes, column.rank(), buffers.validity, made);
}

}  // namespace tql_engine
