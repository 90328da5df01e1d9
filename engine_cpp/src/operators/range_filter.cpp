// A range of the source goes through a filter wave by wave into a bitmap: in each wave one stage after the
// other (a conjunct, or several over the same columns), which reads its columns only for the parts of the
// wave that still have rows, and only where zone maps have not decided. With `fetch` the waves begin small.
#include "range_filter.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "../selection/expand.h"
#include "conjunct_order.h"
#include "filter_bits.h"
#include "filter_tasks.h"
#include "filter_waves.h"
#include "late_reads.h"
#include "read_ahead.h"
#include "task_bits.h"
#include "tql_engine/counted_vector.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/status.h"
#include "zone_pruner.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = Bitmap::kWordBits;
constexpr int64_t kTaskRows = TaskBits::kMaxRows;  // a multiple of kWordBits
constexpr int64_t kTrialRows = 1 << 18;            // of the first wave, where the order is still a guess
constexpr int64_t kFirstRows = 4096;               // where `fetch` begins
constexpr int64_t kFirstLargeRows = 64;            // the same where every row may have to be decoded
constexpr int64_t kCommonShare = 16;               // of so many rows a common condition leaves one

class RangeFilter {
 public:
  RangeFilter(Execution& execution, const Condition& condition, const Relation& input)
      : execution_(execution),
        condition_(condition),
        input_(input),
        range_{input.rows.row_bound() - input.rows.size(), input.rows.row_bound()},
        order_(condition),
        pruner_(*input.source, condition),
        in_memory_(input.source->in_memory()),
        reader_(execution, *input.source),
        evaluators_(make_evaluators(execution, condition, input.source)),
        measured_(static_cast<size_t>(execution.threads()),
                  std::vector<ConjunctStatistics>(condition.conjuncts.size())),
        tasks_(condition, evaluators_, pruner_, bits_, measured_) {}

  Selection find() {
    std::vector<ColumnRef> columns;
    for (const Program& conjunct : condition_.conjuncts) {
      columns.insert(columns.end(), conjunct.inputs().columns.begin(), conjunct.inputs().columns.end());
    }
    const std::vector<RowRange> partitions = Execution::partitions(*input_.source, columns, range_);
    Selection found = condition_.fetch ? find_first(partitions, *condition_.fetch) : find_all(partitions);
    NodeStatistics& statistics = execution_.node_statistics();
    statistics.conjuncts = order_.statistics();
    if (pruner_.is_active()) statistics.zones = pruner_.statistics();
    return found;
  }

 private:
  Selection find_all(const std::vector<RowRange>& partitions) {
    bits_.start(range_);
    int64_t found = 0;
    Waves waves{partitions, in_memory_, order_.is_movable() ? std::optional(kTrialRows) : std::nullopt};
    std::vector<Part> wave = waves.next();
    choose_blocks(wave);
    cut(wave);
    while (!wave.empty()) {
      reader_.forget_before(wave.front().rows.start);
      std::vector<Part> after = waves.next();
      choose_blocks(after);
      cut(after);
      request(after);
      prepare_bits(wave);
      filter_wave(wave);
      for (const Part& part : wave) found += part.alive;
      waves.learn(wave);
      wave = std::move(after);
    }
    return Selection::from_bitmap(std::move(bits_.bitmap()), found);
  }

  Selection find_first(const std::vector<RowRange>& partitions, int64_t fetch) {
    constexpr size_t kBeforeAhead = 2;  // partitions after which more than one is expected to be needed
    CountedVector<int64_t> found;
    int64_t step = first_rows(fetch);
    for (size_t p = 0; p < partitions.size() && static_cast<int64_t>(found.size()) < fetch; ++p) {
      const RowRange& partition = partitions[p];
      reader_.forget_before(partition.start);
      if (p >= kBeforeAhead && p + 1 < partitions.size()) {
        std::vector<Part> next{{partitions[p + 1], partitions[p + 1]}};
        next.front().blocks = {{partitions[p + 1], 0}};
        if (pruner_.has_some(partitions[p + 1])) request(next);
      }
      std::vector<Part> wave{{partition, {partition.start, partition.start}}};
      Part& part = wave.front();
      while (static_cast<int64_t>(found.size()) < fetch) {
        const int64_t begin = pruner_.skip({part.rows.stop, partition.stop});
        if (begin >= partition.stop) break;
        part.rows = {begin, std::min(partition.stop, begin + step)};
        std::erase_if(part.columns, [&](const Loaded& loaded) { return loaded.rows.stop < part.rows.stop; });
        step = std::min(step * 2, Waves::kMostRows);
        bits_.start_piece(part.rows);
        choose_blocks(wave);
        filter_wave(wave);
        const size_t known = found.size();
        found.resize(known + static_cast<size_t>(std::min(part.alive, fetch - static_cast<int64_t>(known))));
        expand_bits(bits_.bitmap().words(), bits_.origin(), std::span(found).subspan(known));
      }
    }
    HeapArray<int64_t> rows(found.size());
    std::ranges::copy(found, rows.values().begin());
    return Selection::from_indices(std::move(rows));
  }

  /// How many rows to begin with: few where the first conjunct reads what is costly for every row, and enough
  /// for a common condition where rows cost next to nothing.
  int64_t first_rows(int64_t fetch) const {
    if (order_.stages().empty()) return kFirstRows;
    const size_t first = order_.stages().front().front();
    if (std::ranges::any_of(columns_of(first), is_large)) return kFirstLargeRows;
    if (!in_memory_ || !condition_.conjuncts[first].mask()) return kFirstRows;
    return std::clamp(std::min(fetch, kTaskRows) * kCommonShare, kFirstRows, kTaskRows);
  }

  /// What a part reads of a column. With `fetch` the next pieces of a partition in storage need the cheap
  /// columns too, which come in one go; of all others no more is read than is looked at.
  RowRange extent(const Part& part, const ColumnRef& ref) const {
    return condition_.fetch && !in_memory_ && is_cheap(ref) ? part.partition : part.rows;
  }

  /// Has the first stage's columns of parts that come next fetched meanwhile.
  void request(const std::vector<Part>& parts) {
    if (order_.stages().empty()) return;
    const Stage& stage = order_.stages().front();
    for (const Part& part : parts) {
      if (is_decided(part, stage)) continue;
      for (const size_t j : stage) {
        for (const ColumnRef& ref : columns_of(j)) {
          if (!condition_.fetch || is_cheap(ref)) reader_.request(ref, extent(part, ref));
        }
      }
    }
  }

  /// The tasks of the first stage write whole words of their own, unless zone maps leave out blocks.
  void prepare_bits(const std::vector<Part>& wave) {
    if (pruner_.is_active() || condition_.conjuncts.empty()) return bits_.clear_before(wave.back().rows.stop);
    for (const Part& part : wave) bits_.expect(part.rows);
  }

  void choose_blocks(std::vector<Part>& parts) {
    for (Part& part : parts) {
      part.blocks = pruner_.may_pass(part.rows);
      part.alive = 0;
      for (const RowBlock& block : part.blocks) part.alive += rows_of(block.rows);
      count_blocks(part);
    }
  }

  /// Cuts parts of storage where no block can pass, so that nothing is read there.
  void cut(std::vector<Part>& parts) const {
    if (in_memory_ || !pruner_.is_active()) return;
    std::vector<Part> pieces;
    for (const Part& part : parts) {
      const size_t first = pieces.size();
      int64_t begin = part.rows.start;
      for (const RowBlock& block : part.blocks) {
        if (begin < block.rows.start) pieces.push_back({part.partition, {begin, block.rows.start}});
        if (begin < block.rows.start || pieces.size() == first) {
          pieces.push_back({part.partition, {block.rows.start, block.rows.start}});
        }
        Part& piece = pieces.back();
        piece.rows.stop = begin = block.rows.stop;
        piece.alive += rows_of(block.rows);
        piece.blocks.push_back(block);
      }
      if (begin < part.rows.stop) pieces.push_back({part.partition, {begin, part.rows.stop}});
    }
    parts = std::move(pieces);
  }

  void filter_wave(std::vector<Part>& parts) {
    if (condition_.conjuncts.empty()) {
      for (Part& part : parts) bits_.insert(part.rows);
    }
    bool first = true;
    for (const Stage& stage : order_.stages()) {
      run_stage(parts, stage, first);
      first = false;
    }
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    for (std::vector<ConjunctStatistics>& worker : measured_) {
      for (size_t j = 0; j < worker.size(); ++j) order_.add(j, std::exchange(worker[j], {}));
    }
    order_.improve();
  }

  void count_blocks(const Part& part) {
    for (const RowBlock& block : part.blocks) {
      bool all = true;
      for (size_t j = 0; all && j < condition_.conjuncts.size(); ++j) all = block.is_decided(j);
      ++(all ? pruner_.statistics().accepted : pruner_.statistics().read);
    }
  }

  void run_stage(std::vector<Part>& parts, const Stage& stage, bool first) {
    std::vector<Part*> group;
    int64_t bytes = 0;
    for (size_t p = 0; p < parts.size(); ++p) {
      Part& part = parts[p];
      if (part.alive == 0) continue;
      if (is_decided(part, stage)) {
        for (const RowBlock& block : part.blocks) {
          if (first) bits_.insert(block.rows);
        }
        continue;
      }
      if (!first && is_sparse(part, stage)) {
        for (const size_t j : stage) filter_survivors(part, j);
        continue;
      }
      try {
        bytes += read_columns(part, stage);
      } catch (...) {
        if (execution_.is_interrupted()) throw;
        // The first error in the order of the rows counts: what lies before goes through all stages.
        failure_ = std::current_exception();
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(p), parts.end());
        break;
      }
      group.push_back(&part);
      if (bytes >= memory_share(Waves::kMostBytes)) {
        filter_group(group, stage, first);
        group.clear();
        bytes = 0;
      }
    }
    filter_group(group, stage, first);
  }

  static bool is_decided(const RowBlock& block, const Stage& stage) {
    return std::ranges::all_of(stage, [&](size_t j) { return block.is_decided(j); });
  }

  static bool is_decided(const Part& part, const Stage& stage) {
    return std::ranges::all_of(part.blocks, [&](const RowBlock& block) { return is_decided(block, stage); });
  }

  const std::vector<ColumnRef>& columns_of(size_t j) const {
    return condition_.conjuncts[j].inputs().columns;
  }

  static const Loaded* find_column(const Part& part, const ColumnRef& ref) noexcept {
    const auto found = std::ranges::find_if(
        part.columns, [&](const Loaded& loaded) { return same_column(*loaded.ref, ref); });
    return found == part.columns.end() ? nullptr : &*found;
  }

  /// Reads what is not there yet and returns how many bytes that was.
  int64_t read_columns(Part& part, const Stage& stage) {
    int64_t bytes = 0;
    for (const size_t j : stage) {
      const auto start = Clock::now();
      for (const ColumnRef& ref : columns_of(j)) {
        if (find_column(part, ref) != nullptr) continue;
        const RowRange rows = extent(part, ref);
        part.columns.push_back({&ref, rows, reader_.read(ref, rows)});
        bytes += part.columns.back().values.byte_count();
      }
      measured_[0][j].nanoseconds += nanoseconds_since(start);
    }
    return bytes;
  }

  /// Few rows survive and the columns are costly to read, and not read yet.
  bool is_sparse(const Part& part, const Stage& stage) const noexcept {
    return std::ranges::any_of(columns_of(stage.front()), [&](const ColumnRef& ref) {
      return find_column(part, ref) == nullptr && read_alone(ref, in_memory_, part.alive, rows_of(part.rows));
    });
  }

  Segment make_segment(const Part& part, size_t j) const {
    Segment segment;
    segment.size = rows_of(part.rows);
    segment.source = {nullptr, part.rows.start};
    segment.position = {nullptr, part.rows.start - range_.start};
    const ProgramInputs& inputs = condition_.conjuncts[j].inputs();
    for (const ColumnRef& ref : inputs.columns) {
      const Loaded& loaded = *find_column(part, ref);
      segment.columns.push_back(
          loaded.values.slice(part.rows.start - loaded.rows.start, part.rows.stop - loaded.rows.start));
    }
    for (const std::string& id : inputs.computed) {
      segment.computed.push_back(
          input_.computed.at(id).slice(part.rows.start - range_.start, part.rows.stop - range_.start));
    }
    return segment;
  }

  void filter_group(const std::vector<Part*>& group, const Stage& stage, bool first) {
    if (group.empty()) return;
    std::vector<std::vector<Segment>> segments(stage.size());  // per conjunct and part
    std::vector<FilterTask> tasks;
    std::vector<int64_t> alive(group.size());
    for (size_t i = 0; i < group.size(); ++i) {
      for (size_t k = 0; k < stage.size(); ++k) segments[k].push_back(make_segment(*group[i], stage[k]));
      const int64_t batch = batch_rows(segments[0][i]);
      const int64_t grain =
          std::clamp((batch * 32 + kWordBits - 1) / kWordBits * kWordBits, kWordBits, kTaskRows);
      for (const RowBlock& block : group[i]->blocks) {
        if (is_decided(block, stage)) {
          if (first) bits_.insert(block.rows);
          alive[i] += first ? rows_of(block.rows) : bits_.count(block.rows);
          continue;
        }
        for (int64_t begin = block.rows.start; begin < block.rows.stop;) {
          const int64_t end = std::min(block.rows.stop, begin - begin % grain + grain);
          tasks.push_back({i, {begin, end}, block});
          begin = end;
        }
      }
    }
    execution_.parallel_for(
        static_cast<int64_t>(tasks.size()), 1, [&](int64_t begin, int64_t end, int worker) {
          for (int64_t t = begin; t < end; ++t) {
            FilterTask& task = tasks[static_cast<size_t>(t)];
            task.passed = tasks_.run(task, stage, segments, first, static_cast<size_t>(worker));
          }
        });
    for (const FilterTask& task : tasks) alive[task.part] += task.passed;
    for (size_t i = 0; i < group.size(); ++i) {
      const int64_t before = std::exchange(group[i]->alive, alive[i]);
      measured_[0][stage.front()].rows_in += before;
      measured_[0][stage.back()].rows_out += group[i]->alive;
    }
  }

  /// The survivors of a partition, read one by one.
  void filter_survivors(Part& part, size_t j) {
    if (part.alive == 0) return;
    const auto start = Clock::now();
    ConjunctStatistics& measured = measured_[0][j];
    measured.rows_in += part.alive;
    measured.rows_tested += part.alive;
    std::vector<int64_t> rows;
    rows.reserve(static_cast<size_t>(part.alive));
    bits_.for_each(part.rows, [&](int64_t row) { rows.push_back(row); });
    std::vector<int64_t> positions(rows);
    for (int64_t& position : positions) position -= range_.start;
    Segment segment;
    segment.size = static_cast<int64_t>(rows.size());
    segment.source = {rows.data(), 0};
    segment.position = {positions.data(), 0};
    const ProgramInputs& inputs = condition_.conjuncts[j].inputs();
    for (const ColumnRef& ref : inputs.columns)
      segment.columns.push_back(execution_.take(*input_.source, ref, rows));
    for (const std::string& id : inputs.computed)
      segment.computed.push_back(input_.computed.at(id).take(positions));
    const int64_t grain = batch_rows(segment);
    std::vector<uint8_t> keep(rows.size());
    execution_.parallel_for(segment.size, grain, [&](int64_t begin, int64_t end, int worker) {
      std::vector<int32_t> kept(static_cast<size_t>(end - begin));
      Evaluator& evaluator = *evaluators_[j][static_cast<size_t>(worker)];
      const int64_t count = evaluator.narrow({&segment, begin, end - begin, nullptr}, kept.data());
      for (int64_t k = 0; k < count; ++k) keep[static_cast<size_t>(begin + kept[static_cast<size_t>(k)])] = 1;
    });
    for (size_t i = 0; i < rows.size(); ++i) {
      if (keep[i] != 0) continue;
      bits_.erase(rows[i]);
      --part.alive;
    }
    measured.rows_out += part.alive;
    measured.nanoseconds += nanoseconds_since(start);
  }

  Execution& execution_;
  const Condition& condition_;
  const Relation& input_;
  RowRange range_;
  ConjunctOrder order_;
  ZonePruner pruner_;
  bool in_memory_;
  ReadAhead reader_;
  ConjunctEvaluators evaluators_;
  std::vector<std::vector<ConjunctStatistics>> measured_;  // per worker and conjunct, of the running wave
  std::exception_ptr failure_;                             // of a read in the running wave
  FilterBits bits_;
  TaskFilter tasks_;
};

}  // namespace

ConjunctEvaluators make_evaluators(Execution& execution, const Condition& condition,
                                   const SourcePtr& source) {
  ConjunctEvaluators evaluators;
  for (const Program& conjunct : condition.conjuncts) {
    evaluators.push_back(execution.evaluators(source, conjunct, OnConflict::kDropRow));
  }
  return evaluators;
}

Selection filter_range(Execution& execution, const Condition& condition, const Relation& input) {
  return RangeFilter(execution, condition, input).find();
}

}  // namespace tql_engine
