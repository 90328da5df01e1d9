// Positions of rows, of 32 bits where they fit: half the memory to write and to read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "tql_engine/heap_array.h"

namespace tql_engine {

/// The position that stands for a row which is missing: -1, or the largest number where there is no sign.
template <class Row>
inline constexpr Row kMissing = static_cast<Row>(-1);

/// Whether a position of `rows` rows and kMissing fit into 32 bits.
inline bool fits_32_bits(int64_t rows) noexcept { return rows < std::numeric_limits<uint32_t>::max(); }

/// Positions that somebody else keeps: a list, some of which may be missing, or a run.
class Positions {
 public:
  Positions(std::span<const int64_t> list) : rows_(list) {}   // NOLINT: a list is a list
  Positions(std::span<const uint32_t> list) : rows_(list) {}  // NOLINT
  template <class List>
    requires std::is_convertible_v<const List&, std::span<const int64_t>>
  Positions(const List& list) : rows_(std::span<const int64_t>(list)) {}  // NOLINT

  static Positions run(int64_t first, int64_t count) { return Positions(Run{first, count}); }

  /// f(std::span<const Row>) of a list.
  template <class F>
  auto visit(const F& f) const {
    if (const auto* narrow = std::get_if<std::span<const uint32_t>>(&rows_)) return f(*narrow);
    return f(std::get<std::span<const int64_t>>(rows_));
  }

  int64_t size() const noexcept {
    if (is_run()) return std::get<Run>(rows_).count;
    return visit([](auto list) { return static_cast<int64_t>(list.size()); });
  }
  bool is_run() const noexcept { return std::holds_alternative<Run>(rows_); }
  /// Of a run.
  int64_t first() const noexcept { return std::get<Run>(rows_).first; }

 private:
  struct Run {
    int64_t first;
    int64_t count;
  };
  explicit Positions(Run run) : rows_(run) {}

  std::variant<Run, std::span<const uint32_t>, std::span<const int64_t>> rows_;
};

/// Positions that are kept: all from 0 on, or a list.
class PositionList {
  template <class F>
  auto with_list(const F& f) const {
    if (const auto* narrow = std::get_if<HeapArray<uint32_t>>(&rows_)) return f(narrow->values());
    return f(std::get<HeapArray<int64_t>>(rows_).values());
  }

 public:
  PositionList() = default;
  explicit PositionList(HeapArray<uint32_t> list) : rows_(std::move(list)) {}
  explicit PositionList(HeapArray<int64_t> list) : rows_(std::move(list)) {}
  static PositionList all(int64_t count) {
    PositionList list;
    list.rows_ = count;
    return list;
  }

  int64_t size() const noexcept {
    const auto* count = std::get_if<int64_t>(&rows_);
    return count != nullptr ? *count : with_list([](auto list) { return std::ssize(list); });
  }

  /// Positions [begin, end) of the list, while it lives.
  Positions slice(int64_t begin, int64_t end) const {
    if (std::holds_alternative<int64_t>(rows_)) return Positions::run(begin, end - begin);
    return with_list([&](auto list) {
      return Positions(list.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    });
  }

  /// -1 where the row is missing.
  int64_t at(int64_t index) const noexcept {
    if (std::holds_alternative<int64_t>(rows_)) return index;
    return with_list([index]<class Row>(std::span<const Row> list) {
      const Row row = list[static_cast<size_t>(index)];
      return row == kMissing<Row> ? int64_t{-1} : static_cast<int64_t>(row);
    });
  }

 private:
  std::variant<int64_t, HeapArray<uint32_t>, HeapArray<int64_t>> rows_ = int64_t{0};
};

}  // namespace tql_engine
