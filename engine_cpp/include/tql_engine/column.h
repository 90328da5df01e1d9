// A column: n rows in Arrow's layout over memory that somebody else owns and that it keeps alive. Immutable
// and cheap to copy; it computes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tql_engine/offsets.h"
#include "tql_engine/positions.h"
#include "tql_engine/types.h"

namespace tql_engine {

class ThreadPool;

enum class Layout : uint8_t { kDense, kRagged, kText, kTextList, kList, kDictionary };

std::string_view layout_name(Layout layout) noexcept;

/// What keeps a column's buffers alive.
using Owner = std::shared_ptr<const void>;

class Column {
 public:
  Column() = default;

  /// Rows of one shape, C-contiguous. Throws std::invalid_argument if `validity` (0: NULL) has another
  /// length. `byte_size` is what lies behind `values`; a mismatch with length * shape is refused.
  static Column dense(Element element, const void* values, int64_t byte_size, int64_t length,
                      std::vector<int64_t> row_shape, std::span<const uint8_t> validity, Owner owner);

  /// Rows of different shapes: row i is elements [offsets[i], offsets[i + 1]) of `values`, in C order of
  /// shapes[i * rank ...]. Throws std::invalid_argument unless all of that is consistent.
  static Column ragged(Element element, const void* values, int64_t value_count,
                       std::span<const int64_t> offsets, std::span<const int64_t> shapes, int rank,
                       std::span<const uint8_t> validity, Owner owner);

  /// UTF-8 strings: row i is bytes [offsets[i], offsets[i + 1]) of `data`.
  static Column text(Offsets offsets, std::span<const char> data, std::span<const uint8_t> validity,
                     Owner owner);

  /// Strings by number: row i is row codes[i] of `texts`, a text column without NULL, which slices share. The
  /// codes are signed integers of `element`, int8, int16 or int32. Throws std::invalid_argument unless the
  /// codes of all rows that are not NULL are in range.
  static Column dictionary(Element element, const void* codes, int64_t length, Column texts,
                           std::span<const uint8_t> validity, Owner owner);

  /// Lists of strings: row i is strings [row_offsets[i], row_offsets[i + 1]).
  static Column text_list(Offsets row_offsets, Offsets offsets, std::span<const char> data,
                          std::span<const uint8_t> validity, Owner owner);

  /// Lists of the rows of a column of any layout: row i is rows [row_offsets[i], row_offsets[i + 1]) of
  /// `items`, which may be NULL or differ in shape.
  static Column list(Offsets row_offsets, Column items, std::span<const uint8_t> validity, Owner owner);

  /// No rows of this type; a type without shape counts as rank 1.
  static Column empty(const Type& type);

  int64_t length() const noexcept { return length_; }
  Element element() const noexcept { return element_; }
  Layout layout() const noexcept { return layout_; }
  /// Axes of one row; of a list one more than its items have.
  int rank() const noexcept { return rank_; }
  /// The shape of every row of a dense column.
  const std::vector<int64_t>& row_shape() const noexcept { return row_shape_; }
  /// Elements of one row of a dense column.
  int64_t row_elements() const noexcept { return row_elements_; }

  template <class T>
  const T* values() const noexcept {
    return reinterpret_cast<const T*>(values_);
  }
  const std::byte* raw_values() const noexcept { return values_; }
  /// Elements behind `values` (bytes, for text).
  int64_t value_count() const noexcept { return value_count_; }
  /// [length + 1] for ragged and text columns; [strings + 1] for lists of text. Those of ragged columns have
  /// 64 bits.
  const Offsets& offsets() const noexcept { return offsets_; }
  /// [length + 1] in strings, of lists of text; in items, of lists.
  const Offsets& row_offsets() const noexcept { return row_offsets_; }
  /// [length * rank] of a ragged column.
  std::span<const int64_t> shapes() const noexcept { return shapes_; }
  /// What the rows of a list column are made of, or the texts of a dictionary; of no other layout.
  const Column& items() const noexcept { return *items_; }
  /// The same, for whoever keeps what it worked out for a dictionary.
  const std::shared_ptr<const Column>& shared_items() const noexcept { return items_; }
  /// The element of the codes of a dictionary column.
  Element code_element() const noexcept { return code_element_; }
  /// One string per row.
  bool is_text() const noexcept { return layout_ == Layout::kText || layout_ == Layout::kDictionary; }
  /// One byte per row, 0: NULL; null where every row has a value.
  const uint8_t* validity() const noexcept { return validity_; }
  bool is_null(int64_t row) const noexcept { return validity_ != nullptr && validity_[row] == 0; }

  std::string_view text_at(int64_t row) const noexcept { return string_at(row); }
  /// String `index` of all strings of a text or text list column.
  std::string_view string_at(int64_t index) const noexcept {
    if (layout_ == Layout::kDictionary) return coded_text_at(index);
    const auto i = static_cast<size_t>(index);
    return {values<char>() + offsets_[i], static_cast<size_t>(offsets_[i + 1] - offsets_[i])};
  }
  /// Elements (strings, for lists of text; items, for lists) of one row.
  int64_t elements_at(int64_t row) const noexcept;
  /// How many axes of a row have an extent: `rank()`, but one for lists, whose items differ.
  int shape_rank() const noexcept { return layout_ == Layout::kList ? 1 : rank_; }
  /// Writes the `shape_rank()` extents of one row.
  void shape_at(int64_t row, int64_t* extents) const noexcept;

  /// Bytes of the rows' buffers, without what a slice leaves out.
  int64_t byte_count() const noexcept;

  /// Rows [start, stop), nothing copied. Throws std::out_of_range.
  Column slice(int64_t start, int64_t stop) const;
  /// The rows at these positions, repeats allowed. Throws std::out_of_range.
  Column take(std::span<const int64_t> rows) const;
  /// The same, where -1 stands for a row that is NULL.
  Column take_or_null(std::span<const int64_t> rows) const;
  /// The same for any positions, on the threads of the pool if there is one; a run is a slice.
  Column rows_at(const Positions& positions, ThreadPool* pool) const;
  /// One behind the other. Dense columns of different shape, and dense beside ragged ones, become a ragged
  /// one. Throws std::invalid_argument if elements, layouts or ranks differ, or there is no column.
  static Column concat(std::span<const Column> columns);
  /// The same rows as a ragged column; only dense columns change.
  Column as_ragged() const;

  /// The same rows as a text column; only dictionary columns change.
  Column as_plain() const;
  /// The same rows as a dictionary column, the texts in order of their first appearance. Nothing for other
  /// columns than texts, and for texts that do not repeat enough for it to be smaller.
  std::optional<Column> encode() const;
  /// Of a dictionary column: the codes as integers, NULL where the row is.
  Column codes() const;

  const Owner& owner() const noexcept { return owner_; }
  /// The same column, which keeps `more` alive beside its buffers.
  Column keeping(Owner more) const;

 private:
  template <class Row>
  Column gather(std::span<const Row> rows, bool with_missing, ThreadPool* pool) const;
  /// The code of a row of a dictionary column; of a NULL row it may be anything.
  int64_t code_at(int64_t row) const noexcept;
  std::string_view coded_text_at(int64_t row) const noexcept;

  Element element_ = Element::kBool;
  Element code_element_ = Element::kInt32;
  Layout layout_ = Layout::kDense;
  int rank_ = 0;
  int64_t length_ = 0;
  int64_t row_elements_ = 1;
  int64_t value_count_ = 0;
  std::vector<int64_t> row_shape_;
  const std::byte* values_ = nullptr;
  Offsets offsets_;
  Offsets row_offsets_;
  std::span<const int64_t> shapes_;
  const uint8_t* validity_ = nullptr;
  std::shared_ptr<const Column> items_;
  Owner owner_;
};

}  // namespace tql_engine
