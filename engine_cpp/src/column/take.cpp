// Rows of a column by position: a gather. Rows that are missing become NULL.
#include <algorithm>
#include <stdexcept>
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

void check_rows(std::span<const int64_t> rows, int64_t lowest, int64_t length) {
  for (const int64_t row : rows) {
    if (row < lowest || row >= length) {
      throw std::out_of_range("row " + std::to_string(row) + " is outside of " + std::to_string(length) +
                              " rows");
    }
  }
}

template <class Word>
void gather_words(std::byte* to, const std::byte* from, std::span<const int64_t> rows, bool with_missing) {
  auto* target = reinterpret_cast<Word*>(to);
  const auto* values = reinterpret_cast<const Word*>(from);
  if (with_missing) {
    for (size_t i = 0; i < rows.size(); ++i) target[i] = rows[i] < 0 ? Word{0} : values[rows[i]];
  } else {
    for (size_t i = 0; i < rows.size(); ++i) target[i] = values[rows[i]];
  }
}

void gather_fixed(std::byte* to, const std::byte* from, std::span<const int64_t> rows, int64_t row_bytes,
                  bool with_missing) {
  switch (row_bytes) {
    case 0:
      return;
    case 1:
      return gather_words<uint8_t>(to, from, rows, with_missing);
    case 2:
      return gather_words<uint16_t>(to, from, rows, with_missing);
    case 4:
      return gather_words<uint32_t>(to, from, rows, with_missing);
    case 8:
      return gather_words<uint64_t>(to, from, rows, with_missing);
    default:
      break;
  }
  for (const int64_t row : rows) {
    if (row < 0) {
      std::fill_n(to, row_bytes, std::byte{0});
    } else {
      copy_bytes(to, from + row * row_bytes, row_bytes);
    }
    to += row_bytes;
  }
}

/// The spans [offsets[row], offsets[row + 1]) of `from`, one behind the other; nothing for a missing row.
CountedVector<int64_t> gather_spans(Buffers& to, const std::byte* from, const Offsets& offsets,
                                    std::span<const int64_t> rows, int64_t size) {
  CountedVector<int64_t> result(rows.size() + 1);
  int64_t total = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    result[i] = total;
    if (rows[i] < 0) continue;
    const auto row = static_cast<size_t>(rows[i]);
    if (__builtin_add_overflow(total, offsets[row + 1] - offsets[row], &total))
      refuse("a column is too large");
  }
  result[rows.size()] = total;
  std::byte* values = to.allocate(bytes_of(total, size));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0) continue;
    const int64_t start = offsets[static_cast<size_t>(rows[i])];
    copy_bytes(values + result[i] * size, from + start * size, (result[i + 1] - result[i]) * size);
  }
  return result;
}

/// The numbers from row_offsets[row] to row_offsets[row + 1] of each row, and where each row's begin.
CountedVector<int64_t> list_spans(const Offsets& row_offsets, std::span<const int64_t> rows,
                                  CountedVector<int64_t>& offsets) {
  CountedVector<int64_t> items;
  offsets.reserve(rows.size() + 1);
  offsets.push_back(0);
  for (const int64_t row : rows) {
    if (row >= 0) {
      const auto i = static_cast<size_t>(row);
      for (int64_t item = row_offsets[i]; item < row_offsets[i + 1]; ++item) items.push_back(item);
    }
    offsets.push_back(static_cast<int64_t>(items.size()));
  }
  return items;
}

}  // namespace

Column Column::take(std::span<const int64_t> rows) const {
  check_rows(rows, 0, length_);
  return gather(rows, false);
}

Column Column::take_or_null(std::span<const int64_t> rows) const {
  check_rows(rows, -1, length_);
  return gather(rows, std::any_of(rows.begin(), rows.end(), [](int64_t row) { return row < 0; }));
}

Column Column::gather(std::span<const int64_t> rows, bool with_missing) const {
  auto buffers = std::make_shared<Buffers>();
  if (validity_ != nullptr || with_missing) {
    buffers->validity.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      buffers->validity[i] = rows[i] >= 0 && !is_null(rows[i]) ? 1 : 0;
    }
  }
  const CountedVector<uint8_t>& validity = buffers->validity;
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t size = element_size(element_);
  switch (layout_) {
    case Layout::kDense: {
      const int64_t row_bytes = bytes_of(row_elements_, size);
      const int64_t bytes = bytes_of(count, row_bytes);
      gather_fixed(buffers->allocate(bytes), values_, rows, row_bytes, with_missing);
      return dense(element_, buffers->values.values().data(), bytes, count, row_shape_, validity, buffers);
    }
    case Layout::kRagged: {
      buffers->offsets = gather_spans(*buffers, values_, offsets_, rows, size);
      const auto rank = static_cast<size_t>(rank_);
      buffers->shapes.resize(rows.size() * rank);
      for (size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] < 0) continue;
        std::copy_n(shapes_.data() + static_cast<size_t>(rows[i]) * rank, rank,
                    buffers->shapes.data() + i * rank);
      }
      return ragged(element_, buffers->values.values().data(), buffers->offsets.back(), buffers->offsets,
                    buffers->shapes, rank_, validity, buffers);
    }
    case Layout::kText: {
      buffers->offsets = gather_spans(*buffers, values_, offsets_, rows, 1);
      const auto* data = reinterpret_cast<const char*>(buffers->values.values().data());
      return text(buffers->offsets, {data, static_cast<size_t>(buffers->offsets.back())}, validity, buffers);
    }
    case Layout::kDictionary: {
      const int64_t code_size = element_size(code_element_);
      gather_fixed(buffers->allocate(bytes_of(count, code_size)), values_, rows, code_size, with_missing);
      // The codes were checked when the column was made, and a row that is missing is NULL.
      Column column = *this;
      column.length_ = column.value_count_ = count;
      column.values_ = buffers->values.values().data();
      column.validity_ = validity.empty() ? nullptr : validity.data();
      column.owner_ = std::move(buffers);
      return column;
    }
    case Layout::kTextList: {
      const CountedVector<int64_t> strings = list_spans(row_offsets_, rows, buffers->row_offsets);
      buffers->offsets = gather_spans(*buffers, values_, offsets_, strings, 1);
      const auto* data = reinterpret_cast<const char*>(buffers->values.values().data());
      return text_list(buffers->row_offsets, buffers->offsets,
                       {data, static_cast<size_t>(buffers->offsets.back())}, validity, buffers);
    }
    case Layout::kList: {
      const CountedVector<int64_t> items = list_spans(row_offsets_, rows, buffers->row_offsets);
      return list(buffers->row_offsets, items_->take(items), validity, buffers);
    }
  }
  return *this;
}

}  // namespace tql_engine
