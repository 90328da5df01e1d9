// Columns one behind the other, and dense ones as ragged.
#include <algorithm>
#include <string>
#include <utility>

#include "buffers.h"
#include "tql_engine/column.h"

namespace tql_engine {
namespace {

using column_parts::Buffers;
using column_parts::bytes_of;
using column_parts::copy_bytes;
using column_parts::refuse;

/// Appends `offsets` rebased to continue at the end of `to`, which holds at least one entry.
void append_offsets(CountedVector<int64_t>& to, const Offsets& offsets) {
  const int64_t shift = to.back() - offsets.front();
  for (size_t i = 1; i < offsets.size(); ++i) to.push_back(offsets[i] + shift);
}

/// What the pieces have in common; refuses pieces that do not go together.
struct Common {
  explicit Common(std::span<const Column> columns) {
    const Column& first = columns.front();
    for (const Column& column : columns) {
      if (column.element() != first.element() || column.rank() != first.rank()) {
        refuse("columns of different element or rank cannot be concatenated");
      }
      const auto numbers = [](const Column& c) {
        return c.layout() == Layout::kDense || c.layout() == Layout::kRagged;
      };
      same_layout = same_layout && column.layout() == first.layout();
      same_shape = same_shape && column.row_shape() == first.row_shape();  // empty unless dense
      if (column.layout() != first.layout() && !(numbers(column) && numbers(first))) {
        refuse("columns of different layout cannot be concatenated");
      }
      nullable = nullable || column.validity() != nullptr;
      length += column.length();
    }
  }

  bool same_layout = true;
  bool same_shape = true;
  bool nullable = false;
  int64_t length = 0;
};

void append_validity(CountedVector<uint8_t>& validity, const Column& column) {
  const auto rows = static_cast<size_t>(column.length());
  if (column.validity() == nullptr) {
    validity.insert(validity.end(), rows, uint8_t{1});
  } else {
    validity.insert(validity.end(), column.validity(), column.validity() + rows);
  }
}

/// The part of the value buffer that the rows use, in elements.
std::pair<int64_t, int64_t> used_values(const Column& column) {
  switch (column.layout()) {
    case Layout::kDense:
      return {0, column.value_count()};
    case Layout::kRagged:
    case Layout::kText:
      return {column.offsets().front(), column.offsets().back()};
    case Layout::kTextList:
      return {column.offsets()[static_cast<size_t>(column.row_offsets().front())],
              column.offsets()[static_cast<size_t>(column.row_offsets().back())]};
    case Layout::kList:
    case Layout::kDictionary:
      break;
  }
  return {0, 0};
}

/// Codes of one dictionary.
bool share_dictionary(std::span<const Column> columns) {
  const Column& first = columns.front();
  return std::ranges::all_of(columns, [&](const Column& column) {
    return column.layout() == Layout::kDictionary && column.shared_items() == first.shared_items() &&
           column.code_element() == first.code_element();
  });
}

/// Codes of `size` bytes one behind the other; returns how many.
int64_t join_codes(std::span<const Column> columns, int64_t size, Buffers& buffers) {
  int64_t length = 0;
  for (const Column& column : columns) {
    if (__builtin_add_overflow(length, column.length(), &length)) refuse("a column is too large");
  }
  const bool nullable = std::ranges::any_of(columns, [](const Column& c) { return c.validity() != nullptr; });
  std::byte* target = buffers.allocate(bytes_of(length, size));
  for (const Column& column : columns) {
    copy_bytes(target, column.raw_values(), column.length() * size);
    target += column.length() * size;
    if (nullable) append_validity(buffers.validity, column);
  }
  return length;
}

Column concat_lists(std::span<const Column> columns, std::shared_ptr<Buffers> buffers) {
  buffers->row_offsets.assign(1, 0);
  std::vector<Column> items;
  for (const Column& column : columns) {
    append_offsets(buffers->row_offsets, column.row_offsets());
    Column used = column.items().slice(column.row_offsets().front(), column.row_offsets().back());
    // Lists without items say nothing about the layout of items.
    if (used.length() > 0 || (&column == &columns.back() && items.empty())) items.push_back(std::move(used));
  }
  return Column::list(buffers->row_offsets, Column::concat(items), buffers->validity, buffers);
}

}  // namespace

Column Column::as_ragged() const {
  if (layout_ != Layout::kDense) return *this;
  auto buffers = std::make_shared<std::pair<Buffers, Owner>>();
  buffers->second = owner_;
  auto& [made, kept] = *buffers;
  made.offsets.resize(static_cast<size_t>(length_) + 1);
  for (size_t i = 0; i < made.offsets.size(); ++i) made.offsets[i] = static_cast<int64_t>(i) * row_elements_;
  made.shapes.reserve(static_cast<size_t>(length_ * rank_));
  for (int64_t row = 0; row < length_; ++row) {
    made.shapes.insert(made.shapes.end(), row_shape_.begin(), row_shape_.end());
  }
  std::span<const uint8_t> validity;
  if (validity_ != nullptr) validity = {validity_, static_cast<size_t>(length_)};
  return ragged(element_, values_, value_count_, made.offsets, made.shapes, rank_, validity, buffers);
}

Column Column::concat(std::span<const Column> columns) {
  if (columns.empty()) refuse("there is no column to concatenate");
  const Column& first = columns.front();
  if (columns.size() == 1) return first;
  if (share_dictionary(columns)) {
    auto buffers = std::make_shared<Buffers>();
    const int64_t size = element_size(first.code_element_);
    Column made = first;
    made.length_ = made.value_count_ = join_codes(columns, size, *buffers);
    made.values_ = buffers->values.values().data();
    made.validity_ = buffers->validity.empty() ? nullptr : buffers->validity.data();
    made.owner_ = std::move(buffers);
    return made;
  }
  if (std::ranges::any_of(columns, [](const Column& c) { return c.layout() == Layout::kDictionary; })) {
    std::vector<Column> plain;
    for (const Column& column : columns) plain.push_back(column.as_plain());
    return concat(plain);
  }
  const Common common(columns);
  if (!common.same_layout || !common.same_shape) {
    std::vector<Column> ragged_columns;
    for (const Column& column : columns) ragged_columns.push_back(column.as_ragged());
    return concat(ragged_columns);
  }

  auto buffers = std::make_shared<Buffers>();
  if (common.nullable) {
    buffers->validity.reserve(static_cast<size_t>(common.length));
    for (const Column& column : columns) append_validity(buffers->validity, column);
  }
  if (first.layout_ == Layout::kList) return concat_lists(columns, std::move(buffers));

  const int64_t size = first.element_ == Element::kText ? 1 : element_size(first.element_);
  int64_t total = 0;
  for (const Column& column : columns) {
    const auto [begin, end] = used_values(column);
    if (__builtin_add_overflow(total, end - begin, &total)) refuse("a column is too large");
  }
  std::byte* target = buffers->allocate(bytes_of(total, size));
  buffers->offsets.assign(1, 0);
  buffers->row_offsets.assign(1, 0);
  for (const Column& column : columns) {
    const auto [begin, end] = used_values(column);
    const int64_t bytes = (end - begin) * size;
    if (bytes > 0) copy_bytes(target, column.values_ + begin * size, bytes);
    target += bytes;
    if (column.layout_ == Layout::kTextList) {
      const auto from = static_cast<size_t>(column.row_offsets_.front());
      const auto to = static_cast<size_t>(column.row_offsets_.back());
      append_offsets(buffers->offsets, column.offsets_.subspan(from, to - from + 1));
      append_offsets(buffers->row_offsets, column.row_offsets_);
    } else if (column.layout_ != Layout::kDense) {
      append_offsets(buffers->offsets, column.offsets_);
    }
    buffers->shapes.insert(buffers->shapes.end(), column.shapes_.begin(), column.shapes_.end());
  }
  const std::byte* values = std::as_const(buffers->values).values().data();
  const std::span<const char> data{reinterpret_cast<const char*>(values), static_cast<size_t>(total)};
  switch (first.layout_) {
    case Layout::kDense:
      return dense(first.element_, values, total * size, common.length, first.row_shape_, buffers->validity,
                   buffers);
    case Layout::kRagged:
      return ragged(first.element_, values, total, buffers->offsets, buffers->shapes, first.rank_,
                    buffers->validity, buffers);
    case Layout::kText:
      return text(buffers->offsets, data, buffers->validity, buffers);
    case Layout::kTextList:
      return text_list(buffers->row_offsets, buffers->offsets, data, buffers->validity, buffers);
    case Layout::kList:
    case Layout::kDictionary:
      break;
  }
  return first;
}

}  // namespace tql_engine
