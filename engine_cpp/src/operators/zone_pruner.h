// What the zone maps of a source say about the rows that a filter is to look at, and what the filter adds to
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "tql_engine/executor.h"
#include "tql_engine/plan.h"
#include "tql_engine/source.h"

namespace tql_engine {

/// Rows that go through the conjuncts of a filter together.
struct RowBlock {
  RowRange rows;
  uint64_t decided = 0;  // bit j: conjunct j is true for all of them, as far as there are so many bits

  bool is_decided(size_t conjunct) const noexcept { return conjunct < 64 && (decided >> conjunct & 1) != 0; }
};

class ZonePruner {
 public:
  ZonePruner(Source& source, const Condition& condition);

  /// Whether the source keeps zones of some column of the condition.
  bool is_active() const noexcept { return active_; }
  /// The rows of a range that may pass, block by block; each block lies within one zone that was measured.
  std::vector<RowBlock> may_pass(RowRange rows);
  /// The first row of a range that may pass, or its end: blocks that can't are passed over.
  int64_t skip(RowRange rows);
  /// Whether there is such a row.
  bool has_some(RowRange rows) const;
  /// Measures the columns of a conjunct that zones could decide it by; they have just been read. `first`: the
  /// first row of the segment. Called from any worker. Where one block after the other turns out to hold all
  /// that the column holds, zones won't decide anything, and only one in eight is looked at.
  void measure(size_t conjunct, const Segment& segment, int64_t first, RowRange rows) const;

  ZoneStatistics& statistics() noexcept { return statistics_; }

 private:
  /// Whether the zones of a column differ from each other, as far as this filter has seen.
  class Usefulness {
   public:
    bool is_worth_measuring(int64_t start) const;
    void add(const Zone& zone);

   private:
    mutable std::mutex mutex_;
    int64_t measured_ = 0;
    int64_t telling_ = 0;  // zones that hold less than the column
    std::optional<double> low_;
    double high_ = 0;
    uint64_t members_ = 0;  // of the zone before
  };

  struct Prunable {
    const ZoneCondition* condition = nullptr;  // null: zones never decide the conjunct
    std::vector<ZoneView> zones;               // per column of its inputs
    std::vector<std::unique_ptr<Usefulness>> usefulness;
  };

  /// Nothing if no row can pass, else the block.
  bool judge(RowBlock& block) const;

  std::vector<Prunable> conjuncts_;
  bool active_ = false;
  ZoneStatistics statistics_;
};

}  // namespace tql_engine
