#include "many_groups.h"

#include <bit>
#include <memory>
#include <utility>

#include "code_tables.h"
#include "coded_rows.h"
#include "tql_engine/execution.h"
#include "tql_engine/selection.h"

namespace tql_engine {
namespace {

constexpr int64_t kChunk = 2048;

/// A set of rows that also knows how many of them lie below a row.
class RankedRows {
 public:
  explicit RankedRows(int64_t rows) : bits_(rows) {}

  /// May be called by many threads at a time.
  void insert(int64_t row) noexcept {
    const uint64_t bit = uint64_t{1} << (row % Bitmap::kWordBits);
    __atomic_fetch_or(&bits_.words()[static_cast<size_t>(row / Bitmap::kWordBits)], bit, __ATOMIC_RELAXED);
  }

  /// Once all rows are there. Returns how many they are.
  int64_t count() {
    below_ = HeapArray<int64_t>(bits_.words().size());
    int64_t* below = below_.values().data();
    int64_t total = 0;
    for (const uint64_t word : std::as_const(bits_).words()) {
      *below++ = total;
      total += std::popcount(word);
    }
    return total;
  }

  int64_t rank(int64_t row) const noexcept {
    const auto word = static_cast<size_t>(row / Bitmap::kWordBits);
    const uint64_t lower = bits_.words()[word] & ((uint64_t{1} << (row % Bitmap::kWordBits)) - 1);
    return below_.values()[word] + std::popcount(lower);
  }

 private:
  Bitmap bits_;
  HeapArray<int64_t> below_;
};

/// What a thread needs for one part after the other; its memory stays in the cache.
struct Workspace {
  std::vector<int64_t> places;  // of the groups of the part in the order of all
  std::vector<int64_t> sizes;
  std::vector<std::unique_ptr<AggregateStates>> states;  // per aggregate
};

template <class Code, class Row>
class ManyGroups {
 public:
  ManyGroups(Execution& execution, const KeyCodes& codes, int64_t rows, GroupWants& wants)
      : execution_(execution),
        codes_(codes),
        rows_(rows),
        wants_(wants),
        parting_(codes, rows),
        parted_(part_rows<Code, Row>(execution, codes, parting_, 0, rows, [](int64_t) { return true; })),
        firsts_(static_cast<size_t>(rows)),
        counts_(static_cast<size_t>(parting_.parts())),
        ranked_(rows) {}

  Groups run() {
    if (parting_.direct()) {
      number_parts(DirectTable(parting_.codes_per_part()));
    } else {
      number_parts(HashTable());
    }
    Groups groups;
    groups.count = ranked_.count();
    if (wants_.firsts) groups.firsts.resize(static_cast<size_t>(groups.count));
    if (counts_rows()) groups.sizes.resize(static_cast<size_t>(groups.count));
    for (const auto& aggregate : wants_.aggregates) aggregate->reserve(groups.count);
    aggregate_parts(groups);
    for (const auto& aggregate : wants_.aggregates) groups.aggregates.push_back(aggregate->finish());
    if (wants_.lists) list(groups);
    if (!wants_.sizes) groups.sizes = {};
    return groups;
  }

 private:
  bool counts_rows() const noexcept { return wants_.sizes || wants_.lists; }

  /// Numbers the groups of every part, in order of first appearance within it.
  template <class Table>
  void number_parts(const Table& empty) {
    std::vector<Table> tables(static_cast<size_t>(execution_.threads()), empty);
    execution_.parallel_for(parting_.parts(), 1, [&](int64_t part, int64_t, int worker) {
      Table& table = tables[static_cast<size_t>(worker)];
      Row* const firsts = firsts_of(part);
      int64_t count = 0;
      for (CodedRow<Code, Row>& entry : parted_.part(part)) {
        const int64_t row = entry.row();
        entry.set_number(table.find_or_add(
            parting_.within_part(entry.code()),
            [&](uint32_t number) { return codes_.same(static_cast<int64_t>(firsts[number]), row); },
            [&] { firsts[count++] = static_cast<Row>(row); }));
      }
      for (int64_t i = 0; i < count; ++i) ranked_.insert(static_cast<int64_t>(firsts[i]));
      counts_[static_cast<size_t>(part)] = count;
      table.clear();
    });
  }

  /// Writes what is wanted of the groups to where they are in the order of all.
  void aggregate_parts(Groups& groups) {
    std::vector<Workspace> workspaces(static_cast<size_t>(execution_.threads()));
    execution_.parallel_for(parting_.parts(), 1, [&](int64_t part, int64_t, int worker) {
      Workspace& space = workspaces[static_cast<size_t>(worker)];
      find_places(part, space.places);
      if (wants_.firsts) {
        const Row* firsts = firsts_of(part);
        for (const int64_t place : space.places) {
          groups.firsts[static_cast<size_t>(place)] = static_cast<int64_t>(*firsts++);
        }
      }
      if (!counts_rows() && wants_.aggregates.empty()) return;
      add_rows(part, space);
      for (size_t i = 0; i < space.sizes.size(); ++i) {
        groups.sizes[static_cast<size_t>(space.places[i])] = space.sizes[i];
      }
      for (size_t i = 0; i < space.states.size(); ++i) {
        wants_.aggregates[i]->write(*space.states[i], space.places.data());
      }
    });
  }

  void find_places(int64_t part, std::vector<int64_t>& places) const {
    const Row* firsts = firsts_of(part);
    places.resize(static_cast<size_t>(counts_[static_cast<size_t>(part)]));
    for (int64_t& place : places) place = ranked_.rank(static_cast<int64_t>(*firsts++));
  }

  void add_rows(int64_t part, Workspace& space) {
    space.sizes.assign(counts_rows() ? space.places.size() : 0, 0);
    if (space.states.empty()) {
      for (const auto& aggregate : wants_.aggregates) space.states.push_back(aggregate->states());
    }
    for (const auto& states : space.states) states->reset(space.places.size());
    uint32_t ids[kChunk];
    int64_t rows[kChunk];
    const std::span<const CodedRow<Code, Row>> entries = parted_.part(part);
    for (size_t begin = 0; begin < entries.size(); begin += kChunk) {
      const auto chunk = entries.subspan(begin, std::min<size_t>(kChunk, entries.size() - begin));
      for (size_t i = 0; i < chunk.size(); ++i) {
        ids[i] = chunk[i].number();
        rows[i] = chunk[i].row();
      }
      for (size_t i = 0; counts_rows() && i < chunk.size(); ++i) ++space.sizes[ids[i]];
      for (const auto& states : space.states) states->add(ids, rows, static_cast<int64_t>(chunk.size()));
    }
  }

  void list(Groups& groups) {
    groups.order = HeapArray<int64_t>(static_cast<size_t>(rows_));
    groups.offsets = HeapArray<int64_t>(groups.sizes.size() + 1);
    int64_t* order = groups.order.values().data();
    int64_t* offsets = groups.offsets.values().data();
    int64_t total = 0;
    for (size_t i = 0; i < groups.sizes.size(); ++i) {
      offsets[i] = total;
      total += groups.sizes[i];
    }
    offsets[groups.sizes.size()] = total;
    execution_.parallel_for(parting_.parts(), 1, [&](int64_t part, int64_t, int) {
      std::vector<int64_t> next;
      find_places(part, next);
      for (int64_t& place : next) place = offsets[place];
      for (const CodedRow<Code, Row>& entry : parted_.part(part)) order[next[entry.number()]++] = entry.row();
    });
  }

  /// The first rows of the groups of a part, which has no more groups than rows.
  Row* firsts_of(int64_t part) noexcept {
    return firsts_.values().data() + parted_.starts[static_cast<size_t>(part)];
  }
  const Row* firsts_of(int64_t part) const noexcept {
    return firsts_.values().data() + parted_.starts[static_cast<size_t>(part)];
  }

  Execution& execution_;
  const KeyCodes& codes_;
  int64_t rows_;
  GroupWants& wants_;
  Parting parting_;
  PartedRows<Code, Row> parted_;  // with the numbers of their groups within the part, once those are known
  HeapArray<Row> firsts_;
  std::vector<int64_t> counts_;  // groups of each part
  RankedRows ranked_;            // the first rows of all groups
};

}  // namespace

Groups many_groups(Execution& execution, const KeyCodes& codes, int64_t rows, GroupWants& wants) {
  return with_widths(codes, rows, [&]<class Code, class Row>(Code, Row) {
    return ManyGroups<Code, Row>(execution, codes, rows, wants).run();
  });
}

}  // namespace tql_engine
