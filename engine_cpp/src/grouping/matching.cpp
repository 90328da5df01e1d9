// A hash join: the right rows of each key are listed, and every left row looks its key up. Where the right
// side is large, both sides are first distributed over parts whose tables fit into a cache (radix
// partitioning).
#include "tql_engine/matching.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "code_tables.h"
#include "coded_rows.h"
#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kOneTable = 1 << 16;  // right rows whose table stays in the cache of every thread
constexpr int64_t kGrain = 32 * KeyCodes::kBlock;

/// The keys of some right rows, and the right rows of each.
template <class Table, class Row>
class RightSide {
 public:
  RightSide(const KeyCodes& codes, const Table& empty) : codes_(codes), table_(empty) {}

  void add(uint64_t code, int64_t row) {
    const uint32_t number = table_.find_or_add(
        code, [&](uint32_t other) { return codes_.same(static_cast<int64_t>(firsts_[other]), row); },
        [&] {
          firsts_.push_back(static_cast<Row>(row));
          counts_.push_back(0);
        });
    ++counts_[number];
    numbers_.push_back(number);
  }

  /// Lists the rows of keys that have several, from place `start` on: RowMatches. `row_at(i)`: the row added
  /// as number i; `right`: rows of the right side. Returns whether no key has several.
  template <class RowAt>
  bool list(Row right, Row start, Row* lists, const RowAt& row_at) {
    found_ = firsts_;
    if (firsts_.size() == numbers_.size()) return true;
    next_.resize(firsts_.size());
    for (size_t number = 0; number < firsts_.size(); ++number) {
      if (counts_[number] == 1) continue;
      found_[number] = right + start;
      lists[start] = counts_[number];
      next_[number] = start + 1;
      start += counts_[number] + 1;
    }
    for (size_t i = 0; i < numbers_.size(); ++i) {
      const uint32_t number = numbers_[i];
      if (counts_[number] > 1) lists[next_[number]++] = row_at(i);
    }
    return false;
  }

  Row find(uint64_t code, int64_t row) const {
    const uint32_t number = table_.find(
        code, [&](uint32_t other) { return codes_.same(static_cast<int64_t>(firsts_[other]), row); });
    return number == kNoNumber ? kMissing<Row> : found_[number];
  }

  void clear() {
    table_.clear();
    firsts_.clear();
    counts_.clear();
    numbers_.clear();
  }

 private:
  const KeyCodes& codes_;
  Table table_;
  CountedVector<Row> firsts_;        // by the number of the key: its first row
  CountedVector<Row> counts_;        // .. how many it has
  CountedVector<Row> found_;         // .. what RowMatches keeps for it
  CountedVector<Row> next_;          // .. where its next row is listed
  CountedVector<uint32_t> numbers_;  // of the rows added
};

/// Rows are numbered through, the right ones first.
template <class Code, class Row>
class Matcher {
 public:
  Matcher(Execution& execution, const KeyCodes& codes, int64_t left, int64_t right)
      : execution_(execution),
        codes_(codes),
        left_(left),
        right_(right),
        always_(codes.always_equal()),
        found_(static_cast<size_t>(left)),
        lists_(static_cast<size_t>(list_start(right))) {
    if (always_) return;  // else rows that nobody looks up find nothing
    execution_.parallel_for(left_, kGrain, [&](int64_t begin, int64_t end, int) {
      std::fill(found_.values().begin() + begin, found_.values().begin() + end, kMissing<Row>);
    });
  }

  RowMatches<Row> run() {
    const Parting parting(codes_, right_);
    if (right_ <= kOneTable) {
      const bool direct = codes_.exact() && codes_.largest() < kDirectCodes;
      direct ? by_one_table(DirectTable(codes_.largest() + 1)) : by_one_table(HashTable<uint64_t>());
    } else {
      parting.direct() ? by_parts(parting, DirectTable(parting.codes_per_part()))
                       : by_parts(parting, HashTable<Code>());
    }
    return {std::move(found_), std::move(lists_), right_, unique_.load()};
  }

 private:
  static constexpr uint64_t kDirectCodes = 1 << 16;

  bool keeps(int64_t row) const noexcept { return always_ || codes_.equals_itself(row); }

  /// Where the lists of rows from this one on begin: two rows of a key take three places.
  static int64_t list_start(int64_t row) noexcept { return row + row / 2; }

  template <class Table>
  void by_one_table(const Table& empty) {
    RightSide<Table, Row> side(codes_, empty);
    CountedVector<Row> rows;  // that were added
    each_code(0, right_, [&](uint64_t code, int64_t row) {
      side.add(code, row);
      rows.push_back(static_cast<Row>(row));
    });
    unique_ =
        side.list(static_cast<Row>(right_), 0, lists_.values().data(), [&](size_t i) { return rows[i]; });
    Row* found = found_.values().data();
    execution_.parallel_for(left_, kGrain, [&](int64_t begin, int64_t end, int) {
      each_code(right_ + begin, right_ + end,
                [&](uint64_t code, int64_t row) { found[row - right_] = side.find(code, row); });
    });
  }

  template <class Visit>
  void each_code(int64_t begin, int64_t end, const Visit& visit) const {
    uint64_t codes[KeyCodes::kBlock];
    for (int64_t first = begin; first < end; first += KeyCodes::kBlock) {
      const int64_t n = std::min(KeyCodes::kBlock, end - first);
      codes_.encode(first, n, codes);
      for (int64_t i = 0; i < n; ++i) {
        if (keeps(first + i)) visit(codes[i], first + i);
      }
    }
  }

  template <class Table>
  void by_parts(const Parting& parting, const Table& empty) {
    const auto keeps_row = [this](int64_t row) { return keeps(row); };
    auto right = part_rows<Code, Row>(execution_, codes_, parting, 0, right_, keeps_row);
    auto left = part_rows<Code, Row>(execution_, codes_, parting, right_, left_, keeps_row);
    std::vector<RightSide<Table, Row>> sides(static_cast<size_t>(execution_.threads()), {codes_, empty});
    Row* found = found_.values().data();
    execution_.parallel_for(parting.parts(), 1, [&](int64_t part, int64_t, int worker) {
      RightSide<Table, Row>& side = sides[static_cast<size_t>(worker)];
      const auto rows = right.part(part);
      for (const CodedRow<Code, Row>& entry : rows) side.add(parting.within_part(entry.code()), entry.row());
      const int64_t start = list_start(right.starts[static_cast<size_t>(part)]);
      const bool unique = side.list(static_cast<Row>(right_), static_cast<Row>(start), lists_.values().data(),
                                    [&](size_t i) { return static_cast<Row>(rows[i].row()); });
      if (!unique) unique_.store(false, std::memory_order_relaxed);
      for (const CodedRow<Code, Row>& entry : left.part(part)) {
        found[entry.row() - right_] = side.find(parting.within_part(entry.code()), entry.row());
      }
      side.clear();
    });
  }

  Execution& execution_;
  const KeyCodes& codes_;
  int64_t left_;
  int64_t right_;
  bool always_;  // every key matches an equal one
  HeapArray<Row> found_;
  HeapArray<Row> lists_;
  std::atomic<bool> unique_ = true;
};

}  // namespace

Matches match_rows(Execution& execution, const Column& left, const Column& right) {
  if (!is_scalar_key(left) || !is_scalar_key(right)) {
    throw EngineError(Code::kInternal, "a key of a join gave no single value per row");
  }
  const std::array<Column, 2> pieces{right, left};
  const Key key(pieces);
  const int64_t rows = left.length() + right.length();
  const KeyCodes codes(execution, {&key, 1}, rows);
  // What is found are rows and places in lists, behind them.
  const int64_t numbers = std::max(rows, right.length() > rows / 4 ? 4 * right.length() : rows);
  return with_widths(codes, numbers, [&]<class Code, class Row>(Code, Row) -> Matches {
    return Matcher<Code, Row>(execution, codes, left.length(), right.length()).run();
  });
}

}  // namespace tql_engine
