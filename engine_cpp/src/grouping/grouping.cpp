// Grouping by hash. Rows are distributed by the hash of their keys over parts that fit into a cache; each
// part numbers its groups with a table of its own, and the parts' groups are put into one order by their
// first rows. Integers of a small range need no hash: they index a table.
#include "tql_engine/grouping.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "key_codes.h"
#include "tql_engine/execution.h"
#include "tql_engine/partition.h"
#include "tql_engine/selection.h"

namespace tql_engine {
namespace {

constexpr int64_t kGrain = 1 << 16;
constexpr int64_t kPartRows = 1 << 15;
constexpr int64_t kMaxParts = 512;
constexpr uint64_t kSmallRange = 1 << 20;

struct Entry {
  uint64_t tag;  // the code of a single exact key, else a hash of all keys
  int64_t row;
};

/// Whether rows of equal tag are equal.
class SameKeys {
 public:
  explicit SameKeys(const std::vector<KeyCodes>& keys)
      : keys_(keys), always_(keys.size() == 1 && keys.front().exact()) {}

  bool operator()(int64_t left, int64_t right) const noexcept {
    if (always_) return true;
    return std::all_of(keys_.begin(), keys_.end(), [&](const KeyCodes& key) {
      return key.code(left) == key.code(right) && key.same(left, right);
    });
  }

 private:
  const std::vector<KeyCodes>& keys_;
  bool always_;
};

/// Groups of one part, in order of first appearance within it. Open addressing; grows with the groups, so
/// that few of them stay in the nearest cache however many rows there are.
class GroupTable {
 public:
  GroupTable() : slots_(kFirstSlots) {}

  int64_t find_or_add(uint64_t tag, int64_t row, const SameKeys& same) {
    const size_t mask = slots_.size() - 1;
    for (size_t at = mix(tag) & mask;; at = (at + 1) & mask) {
      Slot& slot = slots_[at];
      if (slot.group < 0) {
        slot = {tag, static_cast<int64_t>(firsts_.size())};
        firsts_.push_back(row);
        const int64_t group = slot.group;
        if (firsts_.size() * 4 > slots_.size() * 3) grow();
        return group;
      }
      if (slot.tag == tag && same(firsts_[static_cast<size_t>(slot.group)], row)) return slot.group;
    }
  }

  /// The first row of each group; empties the table, which keeps its memory.
  std::vector<int64_t> take_firsts() {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    return std::exchange(firsts_, {});
  }

 private:
  static constexpr size_t kFirstSlots = 1024;

  struct Slot {
    uint64_t tag = 0;
    int64_t group = -1;
  };

  void grow() {
    std::vector<Slot> old(slots_.size() * 4);
    old.swap(slots_);
    const size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.group < 0) continue;
      size_t at = mix(slot.tag) & mask;
      while (slots_[at].group >= 0) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::vector<int64_t> firsts_;
};

std::span<int64_t> span_of(HeapArray<int64_t>& array) noexcept { return array.values(); }

/// The smallest and the largest code, as integers.
std::pair<int64_t, int64_t> range_of(Execution& execution, const KeyCodes& key, int64_t rows) {
  const auto pieces = static_cast<size_t>((rows - 1) / kGrain + 1);
  std::vector<std::pair<int64_t, int64_t>> ranges(pieces);
  execution.parallel_for(rows, kGrain, [&](int64_t begin, int64_t end, int) {
    auto low = static_cast<int64_t>(key.code(begin));
    auto high = low;
    for (int64_t i = begin; i < end; ++i) {
      low = std::min(low, static_cast<int64_t>(key.code(i)));
      high = std::max(high, static_cast<int64_t>(key.code(i)));
    }
    ranges[static_cast<size_t>(begin / kGrain)] = {low, high};
  });
  auto result = ranges.front();
  for (const auto& [low, high] : ranges) {
    result = {std::min(result.first, low), std::max(result.second, high)};
  }
  return result;
}

/// Groups of codes from `low` on, of a range that a table holds.
Groups group_by_index(Execution& execution, const KeyCodes& key, int64_t rows, int64_t low, uint64_t range) {
  Groups groups{HeapArray<int64_t>(static_cast<size_t>(rows)), 0};
  std::vector<int64_t> table(static_cast<size_t>(range) + 1, -1);
  int64_t* ids = span_of(groups.ids).data();
  for (int64_t begin = 0; begin < rows; begin += kGrain) {
    execution.check_interrupt();
    const int64_t end = std::min(rows, begin + kGrain);
    for (int64_t row = begin; row < end; ++row) {
      int64_t& group = table[static_cast<size_t>(key.code(row) - static_cast<uint64_t>(low))];
      if (group < 0) group = groups.count++;
      ids[row] = group;
    }
  }
  return groups;
}

uint64_t tag_of(const std::vector<KeyCodes>& keys, int64_t row) noexcept {
  if (keys.size() == 1) return keys.front().code(row);
  uint64_t tag = 0;
  for (const KeyCodes& key : keys) tag = mix(tag ^ key.code(row)) + 0x9E3779B97F4A7C15u;
  return tag;
}

/// A set of rows that also knows how many of them lie below a row.
class RankedRows {
 public:
  RankedRows(int64_t rows, const std::vector<std::vector<int64_t>>& members) : bits_(rows) {
    for (const auto& part : members) {
      for (const int64_t row : part) bits_.insert(row);
    }
    below_.reserve(bits_.words().size());
    int64_t total = 0;
    for (const uint64_t word : bits_.words()) {
      below_.push_back(total);
      total += std::popcount(word);
    }
  }

  int64_t rank(int64_t row) const noexcept {
    const auto word = static_cast<size_t>(row / Bitmap::kWordBits);
    const uint64_t lower = bits_.words()[word] & ((uint64_t{1} << (row % Bitmap::kWordBits)) - 1);
    return below_[word] + std::popcount(lower);
  }

 private:
  Bitmap bits_;
  std::vector<int64_t> below_;
};

Groups group_by_hash(Execution& execution, const std::vector<KeyCodes>& keys, int64_t rows) {
  const auto parts = static_cast<int64_t>(
      std::bit_ceil(static_cast<uint64_t>(std::clamp<int64_t>(rows / kPartRows, 1, kMaxParts))));
  const int shift = 64 - std::countr_zero(static_cast<uint64_t>(parts));
  HeapArray<Entry> storage(static_cast<size_t>(rows));
  Entry* entries = storage.values().data();
  const auto part_of = [&](int64_t row) {
    // The table of a part takes the low bits of the same hash.
    return parts == 1 ? int64_t{0} : static_cast<int64_t>(mix(tag_of(keys, row)) >> shift);
  };
  const std::vector<int64_t> starts =
      partition_stable(execution, rows, parts, part_of,
                       [&](int64_t row, int64_t position) { entries[position] = {tag_of(keys, row), row}; });

  const SameKeys same(keys);
  std::vector<std::vector<int64_t>> firsts(static_cast<size_t>(parts));
  const auto each_entry = [&](int64_t part, const auto& visit) {
    const int64_t stop = starts[static_cast<size_t>(part) + 1];
    for (int64_t i = starts[static_cast<size_t>(part)]; i < stop; ++i) visit(entries[i]);
  };
  std::vector<GroupTable> tables(static_cast<size_t>(execution.threads()));
  execution.parallel_for(parts, 1, [&](int64_t part, int64_t, int worker) {
    GroupTable& table = tables[static_cast<size_t>(worker)];
    each_entry(part, [&](Entry& entry) {
      entry.tag = static_cast<uint64_t>(table.find_or_add(entry.tag, entry.row, same));
    });
    firsts[static_cast<size_t>(part)] = table.take_firsts();
  });

  const RankedRows ranked(rows, firsts);
  Groups groups{HeapArray<int64_t>(static_cast<size_t>(rows)), 0};
  for (const auto& part : firsts) groups.count += static_cast<int64_t>(part.size());
  int64_t* ids = span_of(groups.ids).data();
  execution.parallel_for(parts, 1, [&](int64_t part, int64_t, int) {
    std::vector<int64_t>& numbers = firsts[static_cast<size_t>(part)];
    for (int64_t& number : numbers) number = ranked.rank(number);
    each_entry(part, [&](const Entry& entry) { ids[entry.row] = numbers[entry.tag]; });
  });
  return groups;
}

}  // namespace

bool is_scalar_key(const Column& column) noexcept {
  return column.layout() == Layout::kText ||
         (column.layout() == Layout::kDense && column.row_elements() == 1);
}

Groups group_rows(Execution& execution, std::span<const Key> keys, int64_t rows) {
  if (rows == 0) return {};
  if (keys.empty()) return {HeapArray<int64_t>::zeroed(static_cast<size_t>(rows)), 1};
  std::vector<KeyCodes> codes;
  for (const Key& key : keys) codes.emplace_back(execution, key, rows);
  if (codes.size() == 1 && codes.front().exact() && codes.front().integral()) {
    const auto [low, high] = range_of(execution, codes.front(), rows);
    const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
    if (range < kSmallRange) return group_by_index(execution, codes.front(), rows, low, range);
  }
  return group_by_hash(execution, codes, rows);
}

GroupOrder order_by_group(Execution& execution, std::span<const int64_t> ids, int64_t groups) {
  const auto rows = static_cast<int64_t>(ids.size());
  GroupOrder result{HeapArray<int64_t>(ids.size()), HeapArray<int64_t>(static_cast<size_t>(groups) + 1)};
  int64_t* order = span_of(result.order).data();
  int64_t* offsets = span_of(result.offsets).data();
  // First by the upper bits of the group, then each bucket by the lower ones.
  int shift = 0;
  while ((groups >> shift) >= kMaxParts) ++shift;
  const int64_t width = int64_t{1} << shift;
  const int64_t buckets = groups == 0 ? 0 : ((groups - 1) >> shift) + 1;
  HeapArray<int64_t> sorted(shift == 0 ? 0 : ids.size());
  int64_t* target = shift == 0 ? order : span_of(sorted).data();
  const std::vector<int64_t> starts = partition_stable(
      execution, rows, buckets, [&](int64_t row) { return ids[static_cast<size_t>(row)] >> shift; },
      [&](int64_t row, int64_t position) { target[position] = row; });
  if (shift == 0) {
    std::copy(starts.begin(), starts.end(), offsets);
    return result;
  }
  execution.parallel_for(buckets, 1, [&](int64_t bucket, int64_t, int) {
    const int64_t first = bucket * width;
    const int64_t last = std::min(groups, first + width);
    std::vector<int64_t> next(static_cast<size_t>(last - first));
    const int64_t begin = starts[static_cast<size_t>(bucket)];
    const int64_t end = starts[static_cast<size_t>(bucket) + 1];
    for (int64_t i = begin; i < end; ++i) {
      ++next[static_cast<size_t>(ids[static_cast<size_t>(target[i])] - first)];
    }
    int64_t position = begin;
    for (int64_t group = first; group < last; ++group) {
      offsets[group] = position;
      position += std::exchange(next[static_cast<size_t>(group - first)], position);
    }
    for (int64_t i = begin; i < end; ++i) {
      order[next[static_cast<size_t>(ids[static_cast<size_t>(target[i])] - first)]++] = target[i];
    }
  });
  offsets[groups] = rows;
  return result;
}

std::vector<int64_t> first_rows(const Groups& groups) {
  std::vector<int64_t> firsts;
  firsts.reserve(static_cast<size_t>(groups.count));
  const std::span<const int64_t> ids = groups.ids.values();
  for (size_t row = 0; row < ids.size(); ++row) {
    if (ids[row] == static_cast<int64_t>(firsts.size())) firsts.push_back(static_cast<int64_t>(row));
  }
  return firsts;
}

}  // namespace tql_engine
