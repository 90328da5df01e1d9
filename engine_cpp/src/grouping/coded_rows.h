// Rows with their codes, distributed over parts such that equal codes meet in one part and the table of a
// part fits into a cache: the first half of a radix-partitioned hash join or aggregation.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "key_codes.h"
#include "tql_engine/execution.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/partition.h"
#include "tql_engine/positions.h"

namespace tql_engine {

/// A row number and its code, in 32-bit words so that no space is lost between them. The code may be replaced
/// by a number of 32 bits.
template <class Code, class Row>
class CodedRow {
 public:
  CodedRow() = default;
  CodedRow(Code code, Row row) noexcept {
    put(code_, code);
    put(row_, row);
  }

  uint64_t code() const noexcept { return get<Code>(code_); }
  int64_t row() const noexcept { return static_cast<int64_t>(get<Row>(row_)); }
  void set_number(uint32_t number) noexcept { code_[0] = number; }
  uint32_t number() const noexcept { return code_[0]; }

 private:
  template <class T>
  static void put(uint32_t* words, T value) noexcept {
    words[0] = static_cast<uint32_t>(value);
    if constexpr (sizeof(T) == 8) words[1] = static_cast<uint32_t>(value >> 32);
  }
  template <class T>
  static uint64_t get(const uint32_t* words) noexcept {
    if constexpr (sizeof(T) == 8) return words[0] | uint64_t{words[1]} << 32;
    return words[0];
  }

  uint32_t code_[sizeof(Code) / 4];
  uint32_t row_[sizeof(Row) / 4];
};

/// Which part a code belongs to, and what tells codes of one part apart.
class Parting {
 public:
  static constexpr int64_t kPartRows = 1 << 15;
  static constexpr int64_t kMostParts = 512;
  static constexpr uint64_t kDirectCodes = 1 << 16;  // of one part

  Parting(const KeyCodes& codes, int64_t rows)
      : bits_(std::countr_zero(
            std::bit_ceil(static_cast<uint64_t>(std::clamp<int64_t>(rows / kPartRows, 1, kMostParts))))) {
    const uint64_t bound = codes.largest() >> bits_;
    direct_ = codes.exact() && bound < kDirectCodes && codes.largest() / 4 < static_cast<uint64_t>(rows);
    codes_per_part_ = direct_ ? static_cast<size_t>(bound) + 1 : 0;
  }

  int64_t parts() const noexcept { return int64_t{1} << bits_; }
  /// Whether the codes of a part are so few that each gets a place in a table.
  bool direct() const noexcept { return direct_; }
  size_t codes_per_part() const noexcept { return codes_per_part_; }

  /// Neighbours go to different parts, so that values which lie close together do not fill one of them.
  int64_t part_of(uint64_t code) const noexcept {
    if (direct_) return static_cast<int64_t>(code & ((uint64_t{1} << bits_) - 1));
    // The table of a part takes the low bits of the same hash.
    return bits_ == 0 ? 0 : static_cast<int64_t>(mix(code) >> (64 - bits_));
  }
  /// The code among those of its part.
  uint64_t within_part(uint64_t code) const noexcept { return direct_ ? code >> bits_ : code; }

 private:
  int bits_;
  bool direct_;
  size_t codes_per_part_;
};

template <class Code, class Row>
struct PartedRows {
  HeapArray<CodedRow<Code, Row>> rows;  // part after part, ascending within each
  std::vector<int64_t> starts;          // [parts + 1]

  std::span<CodedRow<Code, Row>> part(int64_t part) noexcept {
    const auto at = static_cast<size_t>(part);
    return rows.values().subspan(static_cast<size_t>(starts[at]),
                                 static_cast<size_t>(starts[at + 1] - starts[at]));
  }
};

/// Distributes rows [first, first + count). `keeps(row)`: rows for which it is false go nowhere.
template <class Code, class Row, class Keeps>
PartedRows<Code, Row> part_rows(Execution& execution, const KeyCodes& codes, const Parting& parting,
                                int64_t first, int64_t count, const Keeps& keeps) {
  HeapArray<Code> kept_codes(static_cast<size_t>(count));
  Code* row_codes = kept_codes.values().data();
  constexpr int64_t kGrain = 32 * KeyCodes::kBlock;
  execution.parallel_for(count, kGrain, [&](int64_t begin, int64_t end, int) {
    uint64_t block[KeyCodes::kBlock];
    for (int64_t at = begin; at < end; at += KeyCodes::kBlock) {
      const int64_t n = std::min(KeyCodes::kBlock, end - at);
      codes.encode(first + at, n, block);
      for (int64_t i = 0; i < n; ++i) row_codes[at + i] = static_cast<Code>(block[i]);
    }
  });
  PartedRows<Code, Row> result{HeapArray<CodedRow<Code, Row>>(static_cast<size_t>(count)), {}};
  CodedRow<Code, Row>* target = result.rows.values().data();
  const int64_t parts = parting.parts();  // and one more for rows that are not kept
  result.starts = partition_stable(
      execution, count, parts + 1,
      [&](int64_t i) { return keeps(first + i) ? parting.part_of(row_codes[i]) : parts; },
      [&](int64_t i, int64_t position) { target[position] = {row_codes[i], static_cast<Row>(first + i)}; });
  result.starts.pop_back();
  return result;
}

/// Calls f(Code{}, Row{}) with the narrowest types for these codes and row numbers.
template <class F>
auto with_widths(const KeyCodes& codes, int64_t rows, const F& f) {
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  if (!fits_32_bits(rows)) return f(uint64_t{}, int64_t{});
  return codes.largest() <= kMost ? f(uint32_t{}, uint32_t{}) : f(uint64_t{}, uint32_t{});
}

}  // namespace tql_engine
