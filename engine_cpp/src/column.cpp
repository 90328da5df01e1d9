// Columns: checks on construction, then slices, gathers and concatenation. Every length that comes from
// outside is checked against the buffer that it speaks about before it is used.
#include "tql_engine/column.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace tql_engine {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

/// The buffers of a column that the engine itself made.
struct Buffers {
  std::unique_ptr<std::byte[]> values;
  std::vector<int64_t> offsets;
  std::vector<int64_t> row_offsets;
  std::vector<int64_t> shapes;
  std::vector<uint8_t> validity;

  std::byte* allocate(int64_t bytes) {
    values = std::make_unique_for_overwrite<std::byte[]>(static_cast<size_t>(bytes));
    return values.get();
  }
};

void check_validity(std::span<const uint8_t> validity, int64_t length) {
  if (!validity.empty() && static_cast<int64_t>(validity.size()) != length) {
    refuse("validity has " + std::to_string(validity.size()) + " entries for " + std::to_string(length) +
           " rows");
  }
}

void check_offsets(std::span<const int64_t> offsets, int64_t limit, const char* what) {
  if (offsets.empty()) refuse(std::string(what) + " are empty; they need one entry more than there are rows");
  if (offsets.front() < 0) refuse(std::string(what) + " start below zero");
  for (size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] < offsets[i - 1]) refuse(std::string(what) + " descend at entry " + std::to_string(i));
  }
  if (offsets.back() > limit) {
    refuse(std::string(what) + " end at " + std::to_string(offsets.back()) + " but the data ends at " +
           std::to_string(limit));
  }
}

void check_rank(int64_t rank) {
  if (rank < 0 || rank > kMaxRank) refuse("arrays of " + std::to_string(rank) + " axes are not supported");
}

int64_t bytes_of(int64_t count, int64_t size) {
  int64_t bytes = 0;
  if (count < 0 || __builtin_mul_overflow(count, size, &bytes)) refuse("a column is too large");
  return bytes;
}

void check_rows(std::span<const int64_t> rows, int64_t length) {
  for (const int64_t row : rows) {
    if (row < 0 || row >= length) {
      throw std::out_of_range("row " + std::to_string(row) + " is outside of " + std::to_string(length) +
                              " rows");
    }
  }
}

void copy_bytes(std::byte* to, const void* from, int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
}

template <class Word>
void gather_words(std::byte* to, const std::byte* from, std::span<const int64_t> rows) {
  auto* target = reinterpret_cast<Word*>(to);
  const auto* values = reinterpret_cast<const Word*>(from);
  for (size_t i = 0; i < rows.size(); ++i) target[i] = values[rows[i]];
}

void gather_fixed(std::byte* to, const std::byte* from, std::span<const int64_t> rows, int64_t row_bytes) {
  switch (row_bytes) {
    case 1:
      return gather_words<uint8_t>(to, from, rows);
    case 2:
      return gather_words<uint16_t>(to, from, rows);
    case 4:
      return gather_words<uint32_t>(to, from, rows);
    case 8:
      return gather_words<uint64_t>(to, from, rows);
    default:
      break;
  }
  for (const int64_t row : rows) {
    copy_bytes(to, from + row * row_bytes, row_bytes);
    to += row_bytes;
  }
}

/// The spans [offsets[row], offsets[row + 1]) of `from`, one behind the other.
std::vector<int64_t> gather_spans(std::unique_ptr<std::byte[]>& to, const std::byte* from,
                                  std::span<const int64_t> offsets, std::span<const int64_t> rows,
                                  int64_t size) {
  std::vector<int64_t> result(rows.size() + 1);
  int64_t total = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<size_t>(rows[i]);
    result[i] = total;
    if (__builtin_add_overflow(total, offsets[row + 1] - offsets[row], &total))
      refuse("a column is too large");
  }
  result[rows.size()] = total;
  to = std::make_unique_for_overwrite<std::byte[]>(static_cast<size_t>(bytes_of(total, size)));
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t start = offsets[static_cast<size_t>(rows[i])];
    copy_bytes(to.get() + result[i] * size, from + start * size, (result[i + 1] - result[i]) * size);
  }
  return result;
}

/// Appends `offsets` rebased to continue at the end of `to`, which holds at least one entry.
void append_offsets(std::vector<int64_t>& to, std::span<const int64_t> offsets) {
  const int64_t shift = to.back() - offsets.front();
  for (size_t i = 1; i < offsets.size(); ++i) to.push_back(offsets[i] + shift);
}

}  // namespace

std::string_view layout_name(Layout layout) noexcept {
  switch (layout) {
    case Layout::kDense:
      return "dense";
    case Layout::kRagged:
      return "ragged";
    case Layout::kText:
      return "text";
    case Layout::kTextList:
      return "text_list";
  }
  return "";
}

Column Column::dense(Element element, const void* values, int64_t byte_size, int64_t length,
                     std::vector<int64_t> row_shape, std::span<const uint8_t> validity, Owner owner) {
  check_rank(static_cast<int64_t>(row_shape.size()));
  const auto elements = checked_product(row_shape.data(), static_cast<int>(row_shape.size()));
  if (length < 0 || !elements) refuse("the shape of a dense column is not valid");
  int64_t count = 0;
  if (__builtin_mul_overflow(*elements, length, &count)) refuse("a column is too large");
  if (bytes_of(count, element_size(element)) > byte_size)
    refuse("a dense column has too few values for its shape");
  check_validity(validity, length);
  Column column;
  column.element_ = element;
  column.layout_ = Layout::kDense;
  column.rank_ = static_cast<int>(row_shape.size());
  column.length_ = length;
  column.row_elements_ = *elements;
  column.value_count_ = count;
  column.row_shape_ = std::move(row_shape);
  column.values_ = static_cast<const std::byte*>(values);
  column.validity_ = validity.empty() ? nullptr : validity.data();
  column.owner_ = std::move(owner);
  return column;
}

Column Column::ragged(Element element, const void* values, int64_t value_count,
                      std::span<const int64_t> offsets, std::span<const int64_t> shapes, int rank,
                      std::span<const uint8_t> validity, Owner owner) {
  check_rank(rank);
  check_offsets(offsets, value_count, "offsets");
  const auto length = static_cast<int64_t>(offsets.size()) - 1;
  if (static_cast<int64_t>(shapes.size()) != length * rank) {
    refuse("shapes have " + std::to_string(shapes.size()) + " entries for " + std::to_string(length) +
           " rows of rank " + std::to_string(rank));
  }
  for (int64_t row = 0; row < length; ++row) {
    const auto elements = checked_product(shapes.data() + row * rank, rank);
    const int64_t span = offsets[static_cast<size_t>(row) + 1] - offsets[static_cast<size_t>(row)];
    if (!elements || *elements != span) {
      refuse("row " + std::to_string(row) + " has " + std::to_string(span) +
             " elements, which is not what its shape says");
    }
  }
  if (rank == 0) {  // one element per row, so the rows are dense
    const int64_t size = element_size(element);
    const auto* first = static_cast<const std::byte*>(values);
    if (length > 0) first += offsets.front() * size;
    return dense(element, first, length * size, length, {}, validity, std::move(owner));
  }
  check_validity(validity, length);
  Column column;
  column.element_ = element;
  column.layout_ = Layout::kRagged;
  column.rank_ = rank;
  column.length_ = length;
  column.value_count_ = value_count;
  column.values_ = static_cast<const std::byte*>(values);
  column.offsets_ = offsets;
  column.shapes_ = shapes;
  column.validity_ = validity.empty() ? nullptr : validity.data();
  column.owner_ = std::move(owner);
  return column;
}

Column Column::text(std::span<const int64_t> offsets, std::span<const char> data,
                    std::span<const uint8_t> validity, Owner owner) {
  check_offsets(offsets, static_cast<int64_t>(data.size()), "offsets");
  Column column;
  column.length_ = static_cast<int64_t>(offsets.size()) - 1;
  check_validity(validity, column.length_);
  column.element_ = Element::kText;
  column.layout_ = Layout::kText;
  column.value_count_ = static_cast<int64_t>(data.size());
  column.values_ = reinterpret_cast<const std::byte*>(data.data());
  column.offsets_ = offsets;
  column.validity_ = validity.empty() ? nullptr : validity.data();
  column.owner_ = std::move(owner);
  return column;
}

Column Column::text_list(std::span<const int64_t> row_offsets, std::span<const int64_t> offsets,
                         std::span<const char> data, std::span<const uint8_t> validity, Owner owner) {
  check_offsets(offsets, static_cast<int64_t>(data.size()), "offsets");
  check_offsets(row_offsets, static_cast<int64_t>(offsets.size()) - 1, "row offsets");
  Column column = text(offsets, data, {}, std::move(owner));
  column.length_ = static_cast<int64_t>(row_offsets.size()) - 1;
  check_validity(validity, column.length_);
  column.layout_ = Layout::kTextList;
  column.rank_ = 1;
  column.row_offsets_ = row_offsets;
  column.validity_ = validity.empty() ? nullptr : validity.data();
  return column;
}

Column Column::empty(const Type& type) {
  auto buffers = std::make_shared<Buffers>();
  buffers->offsets.assign(1, 0);
  buffers->row_offsets.assign(1, 0);
  const std::span<const int64_t> zero = buffers->offsets;
  if (type.element == Element::kText) {
    if (type.is_scalar()) return text(zero, {}, {}, buffers);
    return text_list(buffers->row_offsets, zero, {}, {}, buffers);
  }
  if (type.is_fixed()) return dense(type.element, nullptr, 0, 0, *type.shape, {}, nullptr);
  const int rank = type.shape ? static_cast<int>(type.shape->size()) : 1;
  return ragged(type.element, nullptr, 0, zero, {}, rank, {}, buffers);
}

int64_t Column::elements_at(int64_t row) const noexcept {
  const auto i = static_cast<size_t>(row);
  switch (layout_) {
    case Layout::kDense:
      return row_elements_;
    case Layout::kRagged:
      return offsets_[i + 1] - offsets_[i];
    case Layout::kText:
      return 1;
    case Layout::kTextList:
      return row_offsets_[i + 1] - row_offsets_[i];
  }
  return 0;
}

void Column::shape_at(int64_t row, int64_t* extents) const noexcept {
  switch (layout_) {
    case Layout::kDense:
      std::copy(row_shape_.begin(), row_shape_.end(), extents);
      break;
    case Layout::kRagged:
      std::copy_n(shapes_.data() + row * rank_, rank_, extents);
      break;
    case Layout::kText:
      break;
    case Layout::kTextList:
      extents[0] = elements_at(row);
      break;
  }
}

int64_t Column::byte_count() const noexcept {
  const int64_t nulls = validity_ == nullptr ? 0 : length_;
  const auto offset_bytes = static_cast<int64_t>(sizeof(int64_t)) * (length_ + 1);
  switch (layout_) {
    case Layout::kDense:
      return value_count_ * element_size(element_) + nulls;
    case Layout::kRagged:
      return (offsets_.back() - offsets_.front()) * element_size(element_) + offset_bytes * (1 + rank_) +
             nulls;
    case Layout::kText:
      return offsets_.back() - offsets_.front() + offset_bytes + nulls;
    case Layout::kTextList: {
      const auto first = static_cast<size_t>(row_offsets_.front());
      const auto last = static_cast<size_t>(row_offsets_.back());
      return offsets_[last] - offsets_[first] + static_cast<int64_t>((last - first + 1) * sizeof(int64_t)) +
             offset_bytes + nulls;
    }
  }
  return 0;
}

Column Column::slice(int64_t start, int64_t stop) const {
  if (start < 0 || stop < start || stop > length_) {
    throw std::out_of_range("rows " + std::to_string(start) + " to " + std::to_string(stop) +
                            " are outside of " + std::to_string(length_) + " rows");
  }
  Column column = *this;
  column.length_ = stop - start;
  if (validity_ != nullptr) column.validity_ = validity_ + start;
  const auto first = static_cast<size_t>(start);
  const auto count = static_cast<size_t>(stop - start);
  switch (layout_) {
    case Layout::kDense:
      column.value_count_ = row_elements_ * column.length_;
      if (values_ != nullptr) column.values_ = values_ + start * row_elements_ * element_size(element_);
      break;
    case Layout::kRagged:
      column.offsets_ = offsets_.subspan(first, count + 1);
      column.shapes_ =
          shapes_.subspan(first * static_cast<size_t>(rank_), count * static_cast<size_t>(rank_));
      break;
    case Layout::kText:
      column.offsets_ = offsets_.subspan(first, count + 1);
      break;
    case Layout::kTextList:
      column.row_offsets_ = row_offsets_.subspan(first, count + 1);
      break;
  }
  return column;
}

Column Column::take(std::span<const int64_t> rows) const {
  check_rows(rows, length_);
  auto buffers = std::make_shared<Buffers>();
  if (validity_ != nullptr) {
    buffers->validity.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) buffers->validity[i] = validity_[rows[i]];
  }
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t size = element_size(element_);
  Column column;
  switch (layout_) {
    case Layout::kDense: {
      const int64_t row_bytes = row_elements_ * size;
      const int64_t bytes = bytes_of(count, row_bytes);
      gather_fixed(buffers->allocate(bytes), values_, rows, row_bytes);
      column = dense(element_, buffers->values.get(), bytes, count, row_shape_, buffers->validity, buffers);
      break;
    }
    case Layout::kRagged: {
      buffers->offsets = gather_spans(buffers->values, values_, offsets_, rows, size);
      const auto rank = static_cast<size_t>(rank_);
      buffers->shapes.resize(rows.size() * rank);
      for (size_t i = 0; i < rows.size(); ++i) {
        std::copy_n(shapes_.data() + static_cast<size_t>(rows[i]) * rank, rank,
                    buffers->shapes.data() + i * rank);
      }
      column = ragged(element_, buffers->values.get(), buffers->offsets.back(), buffers->offsets,
                      buffers->shapes, rank_, buffers->validity, buffers);
      break;
    }
    case Layout::kText: {
      buffers->offsets = gather_spans(buffers->values, values_, offsets_, rows, 1);
      const auto* data = reinterpret_cast<const char*>(buffers->values.get());
      column = text(buffers->offsets, {data, static_cast<size_t>(buffers->offsets.back())}, buffers->validity,
                    buffers);
      break;
    }
    case Layout::kTextList: {
      std::vector<int64_t> strings;
      buffers->row_offsets.reserve(rows.size() + 1);
      buffers->row_offsets.push_back(0);
      for (const int64_t row : rows) {
        const auto i = static_cast<size_t>(row);
        for (int64_t s = row_offsets_[i]; s < row_offsets_[i + 1]; ++s) strings.push_back(s);
        buffers->row_offsets.push_back(static_cast<int64_t>(strings.size()));
      }
      buffers->offsets = gather_spans(buffers->values, values_, offsets_, strings, 1);
      const auto* data = reinterpret_cast<const char*>(buffers->values.get());
      column = text_list(buffers->row_offsets, buffers->offsets,
                         {data, static_cast<size_t>(buffers->offsets.back())}, buffers->validity, buffers);
      break;
    }
  }
  return column;
}

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

  bool same_layout = true;
  bool same_shape = true;
  bool nullable = false;
  int64_t length = 0;
  for (const Column& column : columns) {
    if (column.element_ != first.element_ || column.rank_ != first.rank_) {
      refuse("columns of different element or rank cannot be concatenated");
    }
    same_layout = same_layout && column.layout_ == first.layout_;
    same_shape = same_shape && column.row_shape_ == first.row_shape_;  // empty unless dense
    nullable = nullable || column.validity_ != nullptr;
    length += column.length_;
  }
  const bool all_numeric = first.element_ != Element::kText;
  if (!same_layout && !all_numeric) refuse("columns of different layout cannot be concatenated");
  if (!same_layout || !same_shape) {
    std::vector<Column> ragged_columns;
    for (const Column& column : columns) ragged_columns.push_back(column.as_ragged());
    return concat(ragged_columns);
  }

  auto buffers = std::make_shared<Buffers>();
  if (nullable) {
    buffers->validity.reserve(static_cast<size_t>(length));
    for (const Column& column : columns) {
      const auto rows = static_cast<size_t>(column.length_);
      if (column.validity_ == nullptr) {
        buffers->validity.insert(buffers->validity.end(), rows, uint8_t{1});
      } else {
        buffers->validity.insert(buffers->validity.end(), column.validity_, column.validity_ + rows);
      }
    }
  }

  // The pieces of the value buffers that the rows use, then offsets and shapes rebased to them.
  const int64_t size =
      first.layout_ == Layout::kText || first.layout_ == Layout::kTextList ? 1 : element_size(first.element_);
  std::vector<std::pair<int64_t, int64_t>> pieces;
  int64_t total = 0;
  for (const Column& column : columns) {
    std::pair<int64_t, int64_t> piece{0, column.value_count_};
    if (column.layout_ == Layout::kTextList) {
      piece = {column.offsets_[static_cast<size_t>(column.row_offsets_.front())],
               column.offsets_[static_cast<size_t>(column.row_offsets_.back())]};
    } else if (column.layout_ != Layout::kDense) {
      piece = {column.offsets_.front(), column.offsets_.back()};
    }
    pieces.push_back(piece);
    if (__builtin_add_overflow(total, piece.second - piece.first, &total)) refuse("a column is too large");
  }
  std::byte* target = buffers->allocate(bytes_of(total, size));
  buffers->offsets.assign(1, 0);
  buffers->row_offsets.assign(1, 0);
  for (size_t i = 0; i < columns.size(); ++i) {
    const Column& column = columns[i];
    const int64_t bytes = (pieces[i].second - pieces[i].first) * size;
    if (bytes > 0) copy_bytes(target, column.values_ + pieces[i].first * size, bytes);
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
  const std::byte* values = buffers->values.get();
  const std::span<const char> data{reinterpret_cast<const char*>(values), static_cast<size_t>(total)};
  switch (first.layout_) {
    case Layout::kDense:
      return dense(first.element_, values, total * size, length, first.row_shape_, buffers->validity,
                   buffers);
    case Layout::kRagged:
      return ragged(first.element_, values, total, buffers->offsets, buffers->shapes, first.rank_,
                    buffers->validity, buffers);
    case Layout::kText:
      return text(buffers->offsets, data, buffers->validity, buffers);
    case Layout::kTextList:
      return text_list(buffers->row_offsets, buffers->offsets, data, buffers->validity, buffers);
  }
  return first;
}

}  // namespace tql_engine
