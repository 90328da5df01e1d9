// What a filter over a range of a source takes through its stages together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "task_bits.h"
#include "tql_engine/execution.h"
#include "zone_pruner.h"

namespace tql_engine {

inline int64_t rows_of(const RowRange& rows) noexcept { return rows.stop - rows.start; }

/// What has been read of a column.
struct Loaded {
  const ColumnRef* ref;
  RowRange rows;
  Column values;
};

/// Rows of one partition that are being filtered, and what has been read for them.
struct Part {
  RowRange partition;
  RowRange rows;                      // within the partition
  std::vector<RowBlock> blocks = {};  // those that may pass
  int64_t alive = 0;
  std::vector<Loaded> columns = {};
};

/// Cuts partitions into waves. A wave of a source in storage is made of whole partitions, at most about as
/// many as a bounded number of bytes is read for; the first two are one partition each.
class Waves {
 public:
  static constexpr int64_t kMostRows = 1 << 22;
  static constexpr int64_t kMostBytes = 64 << 20;

  /// Of a source in memory the first wave has `trial` rows; without it there is but one wave, since between
  /// two of them threads wait for each other.
  Waves(const std::vector<RowRange>& partitions, bool in_memory, std::optional<int64_t> trial)
      : partitions_(partitions), in_memory_(in_memory), limit_(in_memory ? trial.value_or(kAllRows) : 1) {}

  /// Empty: there are no more.
  std::vector<Part> next() {
    std::vector<Part> wave;
    int64_t rows = 0;
    while (at_ < partitions_.size() && rows < limit_) {
      const RowRange& partition = partitions_[at_];
      const int64_t begin = std::max(begin_, partition.start);
      const int64_t room = std::max(in_memory_ ? limit_ - rows : kMostRows, TaskBits::kMaxRows);
      const int64_t stop = std::min(partition.stop, begin - begin % TaskBits::kMaxRows + room);
      wave.push_back({partition, {begin, stop}});
      rows += stop - begin;
      begin_ = stop;
      if (stop == partition.stop) ++at_;
    }
    if (in_memory_) limit_ = kMostRowsInMemory;
    return wave;
  }

  /// Goes by what a wave has read.
  void learn(const std::vector<Part>& wave) {
    if (in_memory_) return;
    int64_t rows = 0;
    int64_t bytes = 0;
    for (const Part& part : wave) {
      rows += rows_of(part.rows);
      for (const Loaded& loaded : part.columns) bytes += loaded.values.byte_count();
    }
    if (rows > 0) limit_ = std::clamp<int64_t>(memory_share(kMostBytes) / (bytes / rows + 1), 1, kMostRows);
  }

 private:
  static constexpr int64_t kAllRows = int64_t{1} << 60;
  static constexpr int64_t kMostRowsInMemory = 1 << 24;  // after which the order is thought over

  const std::vector<RowRange>& partitions_;
  const bool in_memory_;
  int64_t limit_;
  size_t at_ = 0;
  int64_t begin_ = 0;  // rows before it have been given
};

}  // namespace tql_engine
