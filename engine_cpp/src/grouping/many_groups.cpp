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
constexpr int64_t kGrain = 1 << 16;

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

/// The groups of one part, in order of first appearance within it.
struct Part {
  std::vector<int64_t> firsts;
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
        parts_(static_cast<size_t>(parting_.parts())) {}

  Groups run() {
    if (parting_.direct()) {
      number_parts(DirectTable(parting_.codes_per_part()));
    } else {
      number_parts(HashTable());
    }
    RankedRows ranked(rows_);
    each_part([&](int64_t, Part& part) {
      for (const int64_t row : part.firsts) ranked.insert(row);
    });
    Groups groups;
    groups.count = ranked.count();
    if (wants_.firsts) groups.firsts.resize(static_cast<size_t>(groups.count));
    if (wants_.sizes || wants_.lists) groups.sizes.resize(static_cast<size_t>(groups.count));
    for (const auto& aggregate : wants_.aggregates) aggregate->reserve(groups.count);
    each_part([&](int64_t, Part& part) { place(part, ranked, groups); });
    for (const auto& aggregate : wants_.aggregates) groups.aggregates.push_back(aggregate->finish());
    if (wants_.lists) list(groups);
    if (!wants_.sizes) groups.sizes = {};
    return groups;
  }

 private:
  template <class Visit>
  void each_part(const Visit& visit) {
    execution_.parallel_for(parting_.parts(), 1, [&](int64_t part, int64_t, int) {
      visit(part, parts_[static_cast<size_t>(part)]);
    });
  }

  template <class Table>
  void number_parts(const Table& empty) {
    std::vector<Table> tables(static_cast<size_t>(execution_.threads()), empty);
    execution_.parallel_for(parting_.parts(), 1, [&](int64_t part, int64_t, int worker) {
      Table& table = tables[static_cast<size_t>(worker)];
      number_part(table, parted_.part(part), parts_[static_cast<size_t>(part)]);
      table.clear();
    });
  }

  template <class Table>
  void number_part(Table& table, std::span<CodedRow<Code, Row>> entries, Part& part) {
    for (const auto& aggregate : wants_.aggregates) part.states.push_back(aggregate->states());
    uint32_t ids[kChunk];
    int64_t rows[kChunk];
    for (size_t begin = 0; begin < entries.size(); begin += kChunk) {
      const auto chunk = entries.subspan(begin, std::min<size_t>(kChunk, entries.size() - begin));
      const auto n = static_cast<int64_t>(chunk.size());
      for (size_t i = 0; i < chunk.size(); ++i) {
        const int64_t row = chunk[i].row();
        ids[i] = table.find_or_add(
            parting_.within_part(chunk[i].code()),
            [&](uint32_t number) { return codes_.same(part.firsts[number], row); },
            [&] { part.firsts.push_back(row); });
        rows[i] = row;
      }
      if (wants_.sizes || wants_.lists) {
        part.sizes.resize(part.firsts.size());
        for (int64_t i = 0; i < n; ++i) ++part.sizes[ids[i]];
      }
      for (const auto& states : part.states) {
        states->resize(part.firsts.size());
        states->add(ids, rows, n);
      }
      for (size_t i = 0; wants_.lists && i < chunk.size(); ++i) chunk[i].set_number(ids[i]);
    }
  }

  /// Writes what is known of the groups of a part to where they are in the order of all; from then on
  /// `firsts` holds these places.
  void place(Part& part, const RankedRows& ranked, Groups& groups) {
    for (size_t i = 0; i < part.firsts.size(); ++i) {
      const int64_t row = part.firsts[i];
      const int64_t group = ranked.rank(row);
      if (wants_.firsts) groups.firsts[static_cast<size_t>(group)] = row;
      if (!part.sizes.empty()) groups.sizes[static_cast<size_t>(group)] = part.sizes[i];
      part.firsts[i] = group;
    }
    for (size_t i = 0; i < part.states.size(); ++i) {
      wants_.aggregates[i]->write(*part.states[i], part.firsts.data());
    }
    part.states.clear();
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
    each_part([&](int64_t number, Part& part) {
      std::vector<int64_t>& next = part.sizes;
      for (size_t i = 0; i < next.size(); ++i) next[i] = offsets[part.firsts[i]];
      for (const CodedRow<Code, Row>& entry : parted_.part(number))
        order[next[entry.number()]++] = entry.row();
    });
  }

  Execution& execution_;
  const KeyCodes& codes_;
  int64_t rows_;
  GroupWants& wants_;
  Parting parting_;
  PartedRows<Code, Row> parted_;
  std::vector<Part> parts_;
};

}  // namespace

Groups many_groups(Execution& execution, const KeyCodes& codes, int64_t rows, GroupWants& wants) {
  return with_widths(codes, rows, [&]<class Code, class Row>(Code, Row) {
    return ManyGroups<Code, Row>(execution, codes, rows, wants).run();
  });
}

}  // namespace tql_engine
