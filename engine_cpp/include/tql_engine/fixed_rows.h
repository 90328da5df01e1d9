// Rows of one size that lie one behind the other in a few pieces of memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tql_engine {

/// Which rows are wanted, found and checked. Immutable once made. The pieces belong to somebody else, who
/// keeps them alive.
class FixedRows {
 public:
  /// Rows [first, first + bytes.size() / row size).
  struct Piece {
    int64_t first;
    std::span<const uint8_t> bytes;
  };

  /// `rows` are the numbers of the wanted rows, in any order, repeats allowed; `row_bytes` is at least 1.
  /// Throws std::invalid_argument for pieces that do not ascend, overlap or hold part of a row, and
  /// std::out_of_range for a row that lies in none.
  FixedRows(int64_t row_bytes, std::span<const Piece> pieces, std::span<const int64_t> rows);

  int64_t size() const noexcept { return static_cast<int64_t>(sources_.size()); }
  int64_t row_bytes() const noexcept { return row_bytes_; }

  /// Copies the wanted rows [first, last) to `out`, one behind the other.
  void gather(int64_t first, int64_t last, uint8_t* out) const noexcept;

 private:
  int64_t row_bytes_;
  std::vector<const uint8_t*> sources_;
};

/// Which of the ranges that end with the rows `lasts`, ascending, and begin behind one another, hold some of
/// these rows: their numbers, ascending. Throws std::out_of_range for a row that lies in none.
std::vector<int64_t> ranges_with(std::span<const int64_t> lasts, std::span<const int64_t> rows);

}  // namespace tql_engine
