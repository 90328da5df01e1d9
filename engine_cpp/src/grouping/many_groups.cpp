#include "many_groups.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "code_tables.h"
#include "coded_rows.h"
#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"
#include "tql_engine/selection.h"

namespace tql_engine {
namespace {

constexpr int64_t kChunk = 2048;

/// What a row is to its group.
enum Role : uint8_t {
  kRepeat = 0,  // not its first row
  kOpens = 1,   // its first row of several
  kAlone = 2,   // its only row
};

/// The rows that open groups, and how many of them lie below a row.
class RankedRows {
 public:
  RankedRows(Execution& execution, std::span<const uint8_t> roles)
      : bits_(std::ssize(roles)), below_(bits_.words().size() + 1) {
    uint64_t* words = bits_.words().data();
    int64_t* below = below_.values().data();
    execution.parallel_for(std::ssize(bits_.words()), kWordGrain, [&](int64_t begin, int64_t end, int) {
      for (int64_t word = begin; word < end; ++word) {
        const auto first = static_cast<size_t>(word * Bitmap::kWordBits);
        const auto part = roles.subspan(first, std::min(roles.size() - first, size_t{Bitmap::kWordBits}));
        uint64_t bits = 0;
        for (size_t i = 0; i < part.size(); ++i) bits |= uint64_t{part[i] != kRepeat} << i;
        words[word] = bits;
        below[word] = std::popcount(bits);
      }
    });
    for (size_t word = 0; word < bits_.words().size(); ++word) count_ += std::exchange(below[word], count_);
  }

  int64_t count() const noexcept { return count_; }

  int64_t rank(int64_t row) const noexcept {
    const auto word = static_cast<size_t>(row / Bitmap::kWordBits);
    const uint64_t lower = bits_.words()[word] & ((uint64_t{1} << (row % Bitmap::kWordBits)) - 1);
    return below_.values()[word] + std::popcount(lower);
  }

  const Bitmap& rows() const noexcept { return bits_; }

 private:
  static constexpr int64_t kWordGrain = 1 << 12;

  Bitmap bits_;
  HeapArray<int64_t> below_;
  int64_t count_ = 0;
};

/// What a thread needs for one part after the other; its memory stays in the cache.
struct Workspace {
  CountedVector<int64_t> places;    // of groups in the order of all
  CountedVector<uint32_t> numbers;  // of the groups of a part among those that have several rows
  CountedVector<int64_t> sizes;
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
        roles_(HeapArray<uint8_t>::zeroed(static_cast<size_t>(rows))),
        workspaces_(static_cast<size_t>(execution.threads())) {}

  Groups run() {
    if (parting_.direct()) {
      number_parts(DirectTable(parting_.codes_per_part()));
    } else {
      number_parts(HashTable<Code>());
    }
    ranked_.emplace(execution_, std::as_const(roles_).values());
    Groups groups;
    groups.count = ranked_->count();
    const auto count = static_cast<size_t>(groups.count);
    if (wants_.firsts) groups.firsts = HeapArray<int64_t>(count);
    if (counts_rows()) groups.sizes = HeapArray<int64_t>(count);
    for (const auto& aggregate : wants_.aggregates) aggregate->reserve(groups.count);
    write_lone_rows(groups);
    if (counts_rows() || !wants_.aggregates.empty()) aggregate_parts(groups);
    for (const auto& aggregate : wants_.aggregates) groups.aggregates.push_back(aggregate->finish());
    if (wants_.lists) list(groups);
    if (!wants_.sizes) groups.sizes = {};
    return groups;
  }

 private:
  static constexpr int64_t kGrain = 32 * kChunk;

  bool counts_rows() const noexcept { return wants_.sizes || wants_.lists; }

  /// Numbers the groups of every part, in order of first appearance within it, and finds what each row is.
  template <class Table>
  void number_parts(const Table& empty) {
    std::vector<Table> tables(static_cast<size_t>(execution_.threads()), empty);
    uint8_t* roles = roles_.values().data();
    execution_.parallel_for(parting_.parts(), 1, [&](int64_t part, int64_t, int worker) {
      Table& table = tables[static_cast<size_t>(worker)];
      CountedVector<int64_t>& sizes = workspaces_[static_cast<size_t>(worker)].sizes;
      sizes.clear();
      Row* const firsts = firsts_of(part);
      int64_t count = 0;
      for (CodedRow<Code, Row>& entry : parted_.part(part)) {
        const int64_t row = entry.row();
        const uint32_t number = table.find_or_add(
            parting_.within_part(entry.code()),
            [&](uint32_t other) { return codes_.same(static_cast<int64_t>(firsts[other]), row); },
            [&] {
              firsts[count++] = static_cast<Row>(row);
              sizes.push_back(0);
            });
        ++sizes[number];
        entry.set_number(number);
      }
      for (int64_t i = 0; i < count; ++i) {
        roles[static_cast<size_t>(firsts[i])] = sizes[static_cast<size_t>(i)] == 1 ? kAlone : kOpens;
      }
      counts_[static_cast<size_t>(part)] = count;
      table.clear();
    });
  }

  std::vector<std::unique_ptr<AggregateStates>>& states_of(Workspace& space) {
    if (space.states.empty()) {
      for (const auto& aggregate : wants_.aggregates) space.states.push_back(aggregate->states());
    }
    return space.states;
  }

  /// The first rows of all groups, and all about groups of one row: in the order of the rows, so that columns
  /// are read and written from one end to the other.
  void write_lone_rows(Groups& groups) {
    uint32_t numbers[kChunk];
    std::iota(numbers, numbers + kChunk, 0u);
    const uint8_t* roles = std::as_const(roles_).values().data();
    int64_t* firsts = groups.firsts.values().data();
    int64_t* sizes = groups.sizes.values().data();
    execution_.parallel_for(rows_, kGrain, [&](int64_t begin, int64_t end, int worker) {
      const auto& states = states_of(workspaces_[static_cast<size_t>(worker)]);
      int64_t rows[kChunk];
      int64_t places[kChunk];
      int64_t place = ranked_->rank(begin);
      for (int64_t chunk = begin; chunk < end; chunk += kChunk) {
        int64_t count = 0;
        ranked_->rows().for_each(chunk, std::min(end, chunk + kChunk), [&](int64_t row) {
          if (firsts != nullptr) firsts[place] = row;
          rows[count] = row;
          places[count] = place++;
          count += roles[row] == kAlone ? 1 : 0;
        });
        for (int64_t i = 0; sizes != nullptr && i < count; ++i) sizes[places[i]] = 1;
        for (size_t i = 0; count > 0 && i < states.size(); ++i) {
          states[i]->reset(static_cast<size_t>(count));
          states[i]->add(numbers, rows, count);
          wants_.aggregates[i]->write(*states[i], places);
        }
      }
    });
  }

  /// Groups of several rows, part by part.
  void aggregate_parts(Groups& groups) {
    execution_.parallel_for(parting_.parts(), 1, [&](int64_t part, int64_t, int worker) {
      Workspace& space = workspaces_[static_cast<size_t>(worker)];
      if (!find_repeated(part, space)) return;
      add_rows(part, space);
      for (size_t i = 0; i < space.sizes.size(); ++i) {
        groups.sizes.values()[static_cast<size_t>(space.places[i])] = space.sizes[i];
      }
      for (size_t i = 0; i < space.states.size(); ++i) {
        wants_.aggregates[i]->write(*space.states[i], space.places.data());
      }
    });
  }

  /// Numbers the groups of a part that have several rows; false if there are none.
  bool find_repeated(int64_t part, Workspace& space) const {
    const Row* firsts = firsts_of(part);
    space.places.clear();
    space.numbers.resize(static_cast<size_t>(counts_[static_cast<size_t>(part)]));
    for (uint32_t& number : space.numbers) {
      const auto row = static_cast<int64_t>(*firsts++);
      const bool alone = roles_.values()[static_cast<size_t>(row)] == kAlone;
      number = alone ? kNoNumber : static_cast<uint32_t>(space.places.size());
      if (!alone) space.places.push_back(ranked_->rank(row));
    }
    return !space.places.empty();
  }

  void add_rows(int64_t part, Workspace& space) {
    space.sizes.assign(counts_rows() ? space.places.size() : 0, 0);
    for (const auto& states : states_of(space)) states->reset(space.places.size());
    uint32_t ids[kChunk];
    int64_t rows[kChunk];
    const std::span<const CodedRow<Code, Row>> entries = parted_.part(part);
    for (size_t begin = 0; begin < entries.size(); begin += kChunk) {
      const auto chunk = entries.subspan(begin, std::min<size_t>(kChunk, entries.size() - begin));
      size_t count = 0;
      for (const CodedRow<Code, Row>& entry : chunk) {
        ids[count] = space.numbers[entry.number()];
        rows[count] = entry.row();
        count += ids[count] != kNoNumber ? 1 : 0;
      }
      for (size_t i = 0; counts_rows() && i < count; ++i) ++space.sizes[ids[i]];
      for (const auto& states : space.states) states->add(ids, rows, static_cast<int64_t>(count));
    }
  }

  void list(Groups& groups) {
    groups.order = HeapArray<int64_t>(static_cast<size_t>(rows_));
    const std::span<const int64_t> sizes = std::as_const(groups.sizes).values();
    groups.offsets = HeapArray<int64_t>(sizes.size() + 1);
    int64_t* order = groups.order.values().data();
    int64_t* offsets = groups.offsets.values().data();
    int64_t total = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      offsets[i] = total;
      total += sizes[i];
    }
    offsets[sizes.size()] = total;
    execution_.parallel_for(parting_.parts(), 1, [&](int64_t part, int64_t, int worker) {
      CountedVector<int64_t>& next = workspaces_[static_cast<size_t>(worker)].places;
      const Row* firsts = firsts_of(part);
      next.resize(static_cast<size_t>(counts_[static_cast<size_t>(part)]));
      for (int64_t& place : next) place = offsets[ranked_->rank(static_cast<int64_t>(*firsts++))];
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
  HeapArray<uint8_t> roles_;     // of the rows
  std::optional<RankedRows> ranked_;
  std::vector<Workspace> workspaces_;  // per thread
};

}  // namespace

Groups many_groups(Execution& execution, const KeyCodes& codes, int64_t rows, GroupWants& wants) {
  return with_widths(codes, rows, [&]<class Code, class Row>(Code, Row) {
    return ManyGroups<Code, Row>(execution, codes, rows, wants).run();
  });
}

}  // namespace tql_engine
