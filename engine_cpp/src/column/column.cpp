// Columns: checks on construction, and what one row looks like. Every length that comes from outside is
// checked against the buffer that it speaks about before it is used.
#include "tql_engine/column.h"

#include <algorithm>
#include <string>
#include <utility>

#include "buffers.h"

namespace tql_engine {
namespace {

using column_parts::Buffers;
using column_parts::bytes_of;
using column_parts::refuse;

void check_validity(std::span<const uint8_t> validity, int64_t length) {
  if (!validity.empty() && static_cast<int64_t>(validity.size()) != length) {
    refuse("validity has " + std::to_string(validity.size()) + " entries for " + std::to_string(length) +
           " rows");
  }
}

void check_offsets(const Offsets& offsets, int64_t limit, const char* what) {
  if (offsets.empty()) refuse(std::string(what) + " are empty; they need one entry more than there are rows");
  if (offsets.front() < 0) refuse(std::string(what) + " start below zero");
  offsets.visit([&](const auto* values) {
    for (size_t i = 1; i < offsets.size(); ++i) {
      if (values[i] < values[i - 1]) refuse(std::string(what) + " descend at entry " + std::to_string(i));
    }
  });
  if (offsets.back() > limit) {
    refuse(std::string(what) + " end at " + std::to_string(offsets.back()) + " but the data ends at " +
           std::to_string(limit));
  }
}

void check_rank(int64_t rank) {
  if (rank < 0 || rank > kMaxRank) refuse("arrays of " + std::to_string(rank) + " axes are not supported");
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
    case Layout::kList:
      return "list";
    case Layout::kDictionary:
      return "dictionary";
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

Column Column::text(Offsets offsets, std::span<const char> data, std::span<const uint8_t> validity,
                    Owner owner) {
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

Column Column::text_list(Offsets row_offsets, Offsets offsets, std::span<const char> data,
                         std::span<const uint8_t> validity, Owner owner) {
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

Column Column::list(Offsets row_offsets, Column items, std::span<const uint8_t> validity, Owner owner) {
  check_rank(items.rank_ + 1);
  check_offsets(row_offsets, items.length_, "row offsets");
  Column column;
  column.length_ = static_cast<int64_t>(row_offsets.size()) - 1;
  check_validity(validity, column.length_);
  column.element_ = items.element_;
  column.layout_ = Layout::kList;
  column.rank_ = items.rank_ + 1;
  column.row_offsets_ = row_offsets;
  column.validity_ = validity.empty() ? nullptr : validity.data();
  column.items_ = std::make_shared<const Column>(std::move(items));
  column.owner_ = std::move(owner);
  return column;
}

Column Column::keeping(Owner more) const {
  Column column = *this;
  column.owner_ = std::make_shared<const std::pair<Owner, Owner>>(owner_, std::move(more));
  return column;
}

Column Column::empty(const Type& type) {
  if (type.nested) {
    auto offset = std::make_shared<const int64_t>(0);
    return list({offset.get(), size_t{1}}, empty(type.entry()), {}, offset);
  }
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
    case Layout::kDictionary:
      return 1;
    case Layout::kTextList:
    case Layout::kList:
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
    case Layout::kDictionary:
      break;
    case Layout::kTextList:
    case Layout::kList:
      extents[0] = elements_at(row);
      break;
  }
}

int64_t Column::byte_count() const noexcept {
  const int64_t nulls = validity_ == nullptr ? 0 : length_;
  const int64_t offset_bytes = (row_offsets_.empty() ? offsets_ : row_offsets_).width() * (length_ + 1);
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
      return offsets_[last] - offsets_[first] + static_cast<int64_t>(last - first + 1) * offsets_.width() +
             offset_bytes + nulls;
    }
    case Layout::kDictionary:
      return length_ * element_size(code_element_) + nulls;
    case Layout::kList:
      return items_->slice(row_offsets_.front(), row_offsets_.back()).byte_count() + offset_bytes + nulls;
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
    case Layout::kDictionary:
      if (values_ != nullptr) column.values_ = values_ + start * element_size(code_element_);
      column.value_count_ = column.length_;
      break;
    case Layout::kTextList:
    case Layout::kList:
      column.row_offsets_ = row_offsets_.subspan(first, count + 1);
      break;
  }
  return column;
}

}  // namespace tql_engine
