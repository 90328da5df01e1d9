#include "filter_tasks.h"

#include <algorithm>
#include <array>

#include "../selection/expand.h"
#include "filter_waves.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = Bitmap::kWordBits;
constexpr int64_t kLeastZoneRows = 4096;  // of a zone that is a part of its block

}  // namespace

/// The bits of a task that shares no word with another go straight to where they belong. Nothing if this is
/// none, or a conjunct that does not run as bits; else how many rows are left.
std::optional<int64_t> TaskFilter::run_in_place(const FilterTask& task, size_t j, const Segment& segment,
                                                size_t worker) {
  const int64_t rows = rows_of(task.rows);
  const auto& mask = condition_.conjuncts[j].mask();
  const bool is_whole = task.rows.start % kWordBits == 0 && rows % kWordBits == 0;
  if (!is_whole || !mask || !mask->runs_on(segment)) return std::nullopt;
  const auto start = Clock::now();
  const auto words = bits_.words(task.rows);
  mask->evaluate(segment, task.rows.start - segment.source.first, rows, words.data());
  if (pruner_.is_active()) measure_zone_of(task, j, segment);
  measured_[worker][j].rows_tested += rows;
  measured_[worker][j].nanoseconds += nanoseconds_since(start);
  return count_bits(words);
}

int64_t TaskFilter::run(const FilterTask& task, const Stage& stage,
                        const std::vector<std::vector<Segment>>& segments, bool first, size_t worker) {
  if (first && stage.size() == 1) {
    const Segment& segment = segments.front()[task.part];
    if (const auto passed = run_in_place(task, stage.front(), segment, worker)) return *passed;
  }
  TaskBits bits(task.rows.start, task.rows.stop);
  bool fresh = first;  // every row is still there, and no bit is set yet
  if (!first) bits_.load(bits);
  for (size_t k = 0; k < stage.size(); ++k) {
    const size_t j = stage[k];
    ConjunctStatistics& measured = measured_[worker][j];
    if (!task.block.is_decided(j)) {
      const Segment& segment = segments[k][task.part];
      const auto start = Clock::now();
      measured.rows_tested += test(j, segment, task.rows, fresh, bits, worker);
      fresh = false;
      if (pruner_.is_active()) measure_zone_of(task, j, segment);
      measured.nanoseconds += nanoseconds_since(start);
    }
    if (k + 1 == stage.size()) break;
    const int64_t left = fresh ? rows_of(task.rows) : count_bits(bits.words());
    measured.rows_out += left;
    measured_[worker][stage[k + 1]].rows_in += left;
  }
  bits_.store(bits, !first);
  return count_bits(bits.words());
}

void TaskFilter::measure_zone_of(const FilterTask& task, size_t j, const Segment& segment) const {
  const int64_t rows = rows_of(task.rows);
  if (rows < kLeastZoneRows && rows < rows_of(task.block.rows)) return;
  pruner_.measure(j, segment, segment.source.first, task.rows);
}

/// Leaves in `bits` the rows of which the conjunct is true; returns how many it was evaluated for.
int64_t TaskFilter::test(size_t j, const Segment& segment, RowRange rows, bool fresh, TaskBits& bits,
                         size_t worker) {
  const int64_t first = segment.source.first;
  if (const auto& mask = condition_.conjuncts[j].mask(); mask && mask->runs_on(segment)) {
    if (fresh) bits.fill(*mask, segment, first);
    return fresh ? rows_of(rows) : bits.narrow(*mask, segment, first);
  }
  constexpr int64_t kLargestBatch = 4096;
  const int64_t batch_size = std::min(batch_rows(segment), kLargestBatch);
  std::array<int32_t, kLargestBatch> picked;
  std::array<int32_t, kLargestBatch> kept;
  Evaluator& evaluator = *evaluators_[j][worker];
  TaskBits passed(rows.start, rows.stop);
  int64_t tested = 0;
  for (int64_t begin = rows.start; begin < rows.stop; begin += batch_size) {
    const int64_t end = std::min(rows.stop, begin + batch_size);
    Batch batch{&segment, begin - first, end - begin, nullptr};
    if (!fresh) {
      size_t count = 0;
      bits.for_each(begin, end, [&](int64_t row) { picked[count++] = static_cast<int32_t>(row - begin); });
      if (count == 0) continue;
      if (static_cast<int64_t>(count) < batch.size) batch.picked = picked.data();
      batch.size = static_cast<int64_t>(count);
    }
    tested += batch.size;
    if (batch.picked == nullptr) {
      std::array<uint64_t, kLargestBatch / kWordBits> words;
      evaluator.mark(batch, words.data());
      passed.insert(begin, batch.size, words.data());
      continue;
    }
    const int64_t count = evaluator.narrow(batch, kept.data());
    for (int64_t k = 0; k < count; ++k) passed.insert(first + batch.row(kept[static_cast<size_t>(k)]));
  }
  bits = passed;
  return tested;
}

}  // namespace tql_engine
