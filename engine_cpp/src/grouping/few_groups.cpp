#include "few_groups.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <utility>

#include "code_tables.h"
#include "tql_engine/execution.h"
#include "tql_engine/partition.h"

namespace tql_engine {
namespace {

constexpr int64_t kBlockRows = 1 << 18;  // sums of floats are rounded by blocks: part of the plan format
constexpr uint64_t kDirectCodes = 1 << 16;

/// The groups that one thread has met.
template <class Table>
struct Seen {
  Table table;
  std::vector<int64_t> firsts;  // the first row of each
  std::vector<int64_t> sizes;
};

/// What was found in one block, by the numbers of the thread that had it.
struct Block {
  int worker = -1;
  std::vector<std::unique_ptr<AggregateStates>> states;  // per aggregate
};

template <class Table>
class FewGroups {
 public:
  FewGroups(Execution& execution, const KeyCodes& codes, int64_t rows, GroupWants& wants, const Table& empty)
      : execution_(execution),
        codes_(codes),
        rows_(rows),
        wants_(wants),
        seen_(static_cast<size_t>(execution.threads()), Seen<Table>{empty, {}, {}}),
        blocks_(static_cast<size_t>((rows - 1) / kBlockRows + 1)),
        ids_(wants.lists ? static_cast<size_t>(rows) : 0) {}

  std::optional<Groups> run() {
    execution_.parallel_for(rows_, kBlockRows,
                            [&](int64_t begin, int64_t end, int worker) { visit(begin, end, worker); });
    if (too_many_.load()) return std::nullopt;
    number_groups();
    if (static_cast<int64_t>(firsts_.size()) > kFewGroups) return std::nullopt;
    Groups groups;
    groups.count = static_cast<int64_t>(firsts_.size());
    if (wants_.sizes) groups.sizes = sizes();
    for (size_t i = 0; i < wants_.aggregates.size(); ++i) groups.aggregates.push_back(aggregate(i));
    if (wants_.lists) list(groups);
    if (wants_.firsts) {
      groups.firsts = HeapArray<int64_t>(firsts_.size());
      std::copy(firsts_.begin(), firsts_.end(), groups.firsts.values().begin());
    }
    return groups;
  }

 private:
  void visit(int64_t begin, int64_t end, int worker) {
    Seen<Table>& seen = seen_[static_cast<size_t>(worker)];
    Block& block = blocks_[static_cast<size_t>(begin / kBlockRows)];
    block.worker = worker;
    for (const auto& aggregate : wants_.aggregates) block.states.push_back(aggregate->states());
    uint64_t codes[KeyCodes::kBlock];
    uint32_t ids[KeyCodes::kBlock];
    for (int64_t first = begin; first < end; first += KeyCodes::kBlock) {
      if (too_many_.load(std::memory_order_relaxed)) return;
      const int64_t n = std::min(KeyCodes::kBlock, end - first);
      codes_.encode(first, n, codes);
      for (int64_t i = 0; i < n; ++i) {
        ids[i] = seen.table.find_or_add(
            codes[i], [&](uint32_t number) { return codes_.same(seen.firsts[number], first + i); },
            [&] { seen.firsts.push_back(first + i); });
      }
      if (static_cast<int64_t>(seen.firsts.size()) > kFewGroups) {
        too_many_.store(true, std::memory_order_relaxed);
        return;
      }
      if (wants_.sizes) {
        seen.sizes.resize(seen.firsts.size());
        for (int64_t i = 0; i < n; ++i) ++seen.sizes[ids[i]];
      }
      for (const auto& states : block.states) {
        states->resize(seen.firsts.size());
        states->add(ids, first, n);
      }
      if (wants_.lists) std::copy_n(ids, n, ids_.values().data() + first);
    }
  }

  /// One numbering from those of the threads, by the first rows.
  void number_groups() {
    HashTable<uint64_t> table;
    std::vector<int64_t> firsts;  // as the groups come here
    numbers_.resize(seen_.size());
    for (size_t worker = 0; worker < seen_.size(); ++worker) {
      for (const int64_t row : seen_[worker].firsts) {
        const uint32_t number = table.find_or_add(
            codes_.code(row), [&](uint32_t other) { return codes_.same(firsts[other], row); },
            [&] { firsts.push_back(row); });
        firsts[number] = std::min(firsts[number], row);
        numbers_[worker].push_back(number);
      }
    }
    std::vector<uint32_t> by_row(firsts.size());
    std::iota(by_row.begin(), by_row.end(), 0u);
    std::sort(by_row.begin(), by_row.end(), [&](uint32_t a, uint32_t b) { return firsts[a] < firsts[b]; });
    std::vector<uint32_t> ranks(firsts.size());
    for (uint32_t rank = 0; rank < by_row.size(); ++rank) {
      ranks[by_row[rank]] = rank;
      firsts_.push_back(firsts[by_row[rank]]);
    }
    for (auto& numbers : numbers_) {
      for (uint32_t& number : numbers) number = ranks[number];
    }
  }

  HeapArray<int64_t> sizes() const {
    HeapArray<int64_t> made = HeapArray<int64_t>::zeroed(firsts_.size());
    int64_t* sizes = made.values().data();
    for (size_t worker = 0; worker < seen_.size(); ++worker) {
      for (size_t i = 0; i < seen_[worker].sizes.size(); ++i) {
        sizes[numbers_[worker][i]] += seen_[worker].sizes[i];
      }
    }
    return made;
  }

  Column aggregate(size_t index) const {
    Aggregate& aggregate = *wants_.aggregates[index];
    const std::unique_ptr<AggregateStates> all = aggregate.states();
    all->resize(firsts_.size());
    for (const Block& block : blocks_) {
      all->merge(*block.states[index], numbers_[static_cast<size_t>(block.worker)].data());
    }
    std::vector<int64_t> places(firsts_.size());
    std::iota(places.begin(), places.end(), int64_t{0});
    aggregate.reserve(static_cast<int64_t>(firsts_.size()));
    aggregate.write(*all, places.data());
    return aggregate.finish();
  }

  void list(Groups& groups) {
    groups.order = HeapArray<int64_t>(static_cast<size_t>(rows_));
    groups.offsets = HeapArray<int64_t>(firsts_.size() + 1);
    int64_t* order = groups.order.values().data();
    const uint32_t* ids = std::as_const(ids_).values().data();
    const auto group_of = [&](int64_t row) {
      const Block& block = blocks_[static_cast<size_t>(row / kBlockRows)];
      return int64_t{numbers_[static_cast<size_t>(block.worker)][ids[row]]};
    };
    const std::vector<int64_t> starts =
        partition_stable(execution_, rows_, static_cast<int64_t>(firsts_.size()), group_of,
                         [order](int64_t row, int64_t position) { order[position] = row; });
    std::copy(starts.begin(), starts.end(), groups.offsets.values().begin());
  }

  Execution& execution_;
  const KeyCodes& codes_;
  int64_t rows_;
  GroupWants& wants_;
  std::vector<Seen<Table>> seen_;  // per worker
  std::vector<Block> blocks_;
  HeapArray<uint32_t> ids_;  // per row, where groups are listed: by the numbers of the block's thread
  std::atomic<bool> too_many_ = false;
  std::vector<std::vector<uint32_t>> numbers_;  // per worker: the groups as all number them
  std::vector<int64_t> firsts_;                 // by these numbers
};

}  // namespace

std::optional<Groups> few_groups(Execution& execution, const KeyCodes& codes, int64_t rows,
                                 GroupWants& wants) {
  const auto worthwhile = std::min(kDirectCodes, static_cast<uint64_t>(rows));
  if (codes.exact() && codes.largest() < worthwhile) {
    return FewGroups<DirectTable>(execution, codes, rows, wants, DirectTable(codes.largest() + 1)).run();
  }
  return FewGroups<HashTable<uint64_t>>(execution, codes, rows, wants, HashTable<uint64_t>()).run();
}

}  // namespace tql_engine
