// Filter. A range of the source is filtered partition by partition into a bitmap: one stage after the other
// (a conjunct, or several over the same columns), each reading its columns only for partitions that still
// have rows. Any other relation is filtered by
// position. With `fetch` the first rows come from small pieces, so that little is read or computed beyond
// them.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "task_bits.h"
#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = Bitmap::kWordBits;
constexpr int64_t kTaskRows = TaskBits::kMaxRows;  // a multiple of kWordBits
constexpr int64_t kWaveRows = 1 << 22;             // rows of partitions that are evaluated together
constexpr int64_t kWaveBytes = 64 << 20;           // and the bytes that are read for them
constexpr int64_t kFirstRows = 4096;               // where `fetch` begins
constexpr int64_t kTakeFraction = 16;              // fewer survivors than 1/16: read them alone
constexpr int64_t kTakeRows = 1 << 16;

using Evaluators = std::vector<std::vector<std::unique_ptr<Evaluator>>>;  // per conjunct and worker

Evaluators make_evaluators(Execution& execution, const Condition& filter, const SourcePtr& source) {
  Evaluators evaluators;
  for (const Program& conjunct : filter.conjuncts) {
    evaluators.push_back(execution.evaluators(source, conjunct, OnConflict::kDropRow));
  }
  return evaluators;
}

/// Conjuncts [begin, end) that go together over a block of rows while it is in the cache: neighbours that run
/// as bits and read the same columns.
struct Stage {
  size_t begin;
  size_t end;
};

std::vector<Stage> make_stages(const Condition& filter) {
  const auto reads = [&](size_t j, const ColumnRef& ref) {
    return std::ranges::any_of(filter.conjuncts[j].inputs().columns,
                               [&](const ColumnRef& other) { return same_column(ref, other); });
  };
  std::vector<Stage> stages;
  for (size_t j = 0; j < filter.conjuncts.size(); ++j) {
    const bool joins = j > 0 && filter.conjuncts[j].mask() && filter.conjuncts[j - 1].mask() &&
                       std::ranges::all_of(filter.conjuncts[j].inputs().columns,
                                           [&](const ColumnRef& ref) { return reads(j - 1, ref); });
    if (joins) {
      ++stages.back().end;
    } else {
      stages.push_back({j, j + 1});
    }
  }
  return stages;
}

/// Rows of one partition that are being filtered, and what has been read for it.
struct Part {
  RowRange partition;
  RowRange rows;  // within the partition
  int64_t alive = 0;
  std::vector<std::pair<const ColumnRef*, Column>> columns;  // over the partition
};

class RangeFilter {
 public:
  RangeFilter(Execution& execution, const Condition& filter, const Relation& input)
      : execution_(execution),
        filter_(filter),
        input_(input),
        range_{input.rows.row_bound() - input.rows.size(), input.rows.row_bound()},
        stages_(make_stages(filter)),
        evaluators_(make_evaluators(execution, filter, input.source)) {}

  /// The rows of the source that pass.
  Selection find() {
    std::vector<ColumnRef> columns;
    for (const Program& conjunct : filter_.conjuncts) {
      columns.insert(columns.end(), conjunct.inputs().columns.begin(), conjunct.inputs().columns.end());
    }
    const std::vector<RowRange> partitions = Execution::partitions(*input_.source, columns, range_);
    return filter_.fetch ? run_first(partitions, *filter_.fetch) : run_all(partitions);
  }

 private:
  Selection run_all(const std::vector<RowRange>& partitions) {
    start_bits(range_);
    int64_t found = 0;
    for (size_t next = 0; next < partitions.size();) {
      std::vector<Part> wave;
      for (int64_t rows = 0; next < partitions.size() && rows < kWaveRows; ++next) {
        wave.push_back({partitions[next], partitions[next], 0, {}});
        rows += partitions[next].stop - partitions[next].start;
      }
      filter_parts(wave);
      for (const Part& part : wave) found += part.alive;
    }
    return Selection::from_bitmap(std::move(bits_), found);
  }

  Selection run_first(const std::vector<RowRange>& partitions, int64_t fetch) {
    std::vector<int64_t> found;
    int64_t step = kFirstRows;
    for (const RowRange& partition : partitions) {
      std::vector<Part> wave{{partition, {partition.start, partition.start}, 0, {}}};
      Part& part = wave.front();
      while (part.rows.stop < partition.stop && static_cast<int64_t>(found.size()) < fetch) {
        part.rows = {part.rows.stop, std::min(partition.stop, part.rows.stop + step)};
        step = std::min(step * 2, kWaveRows);
        start_bits(part.rows);
        filter_parts(wave);
        bits_.for_each(part.rows.start - origin_, part.rows.stop - origin_, [&](int64_t bit) {
          if (static_cast<int64_t>(found.size()) < fetch) found.push_back(origin_ + bit);
        });
      }
      if (static_cast<int64_t>(found.size()) >= fetch) break;
    }
    return Selection::from_indices(std::move(found));
  }

  void start_bits(RowRange rows) {
    // All rows of a source keep their numbers; a piece of it starts at a word of its own.
    origin_ = filter_.fetch ? rows.start - rows.start % kWordBits : 0;
    bits_ = Bitmap(rows.stop - origin_);
  }

  void filter_parts(std::vector<Part>& parts) {
    if (filter_.conjuncts.empty()) {
      for (Part& part : parts) bits_.insert_range(part.rows.start - origin_, part.rows.stop - origin_);
    }
    for (Part& part : parts) part.alive = part.rows.stop - part.rows.start;
    for (const Stage& stage : stages_) {
      const size_t j = stage.begin;
      std::vector<Part*> group;
      int64_t bytes = 0;
      for (Part& part : parts) {
        if (part.alive == 0) continue;
        if (j > 0 && is_sparse(part, j)) {
          filter_survivors(part, j);
          continue;
        }
        bytes += read_columns(part, j);
        group.push_back(&part);
        if (bytes >= kWaveBytes) {
          filter_group(group, stage);
          group.clear();
          bytes = 0;
        }
      }
      filter_group(group, stage);
    }
  }

  static const Column* find_column(const Part& part, const ColumnRef& ref) noexcept {
    for (const auto& [known, column] : part.columns) {
      if (same_column(*known, ref)) return &column;
    }
    return nullptr;
  }

  /// Reads what is not there yet and returns how many bytes that was.
  int64_t read_columns(Part& part, size_t j) {
    int64_t bytes = 0;
    for (const ColumnRef& ref : filter_.conjuncts[j].inputs().columns) {
      if (find_column(part, ref) != nullptr) continue;
      part.columns.emplace_back(&ref, execution_.read(*input_.source, ref, part.partition));
      bytes += part.columns.back().second.byte_count();
    }
    return bytes;
  }

  /// Few rows survive and the columns are costly to read, and not read yet.
  bool is_sparse(const Part& part, size_t j) const noexcept {
    if (part.alive * kTakeFraction > part.partition.stop - part.partition.start) return false;
    const auto& columns = filter_.conjuncts[j].inputs().columns;
    return std::any_of(columns.begin(), columns.end(), [&](const ColumnRef& ref) {
      const bool cheap =
          ref.facet == Facet::kShape || (ref.type.is_scalar() && ref.type.element != Element::kText);
      return !cheap && find_column(part, ref) == nullptr;
    });
  }

  Segment make_segment(const Part& part, size_t j) const {
    Segment segment;
    segment.size = part.partition.stop - part.partition.start;
    segment.source = {nullptr, part.partition.start};
    segment.position = {nullptr, part.partition.start - range_.start};
    const ProgramInputs& inputs = filter_.conjuncts[j].inputs();
    for (const ColumnRef& ref : inputs.columns) segment.columns.push_back(*find_column(part, ref));
    for (const std::string& id : inputs.computed) {
      segment.computed.push_back(input_.computed.at(id).slice(part.partition.start - range_.start,
                                                              part.partition.stop - range_.start));
    }
    return segment;
  }

  void filter_group(const std::vector<Part*>& group, const Stage& stage) {
    if (group.empty()) return;
    struct Task {
      size_t part;
      RowRange rows;
    };
    std::vector<std::vector<Segment>> segments(stage.end - stage.begin);  // per conjunct and part
    std::vector<Task> tasks;
    for (size_t i = 0; i < group.size(); ++i) {
      for (size_t j = stage.begin; j < stage.end; ++j) {
        segments[j - stage.begin].push_back(make_segment(*group[i], j));
      }
      const int64_t batch = batch_rows(segments[0][i]);
      const int64_t grain =
          std::clamp((batch * 32 + kWordBits - 1) / kWordBits * kWordBits, kWordBits, kTaskRows);
      const RowRange& rows = group[i]->rows;
      for (int64_t begin = rows.start; begin < rows.stop;) {
        const int64_t end = std::min(rows.stop, begin - begin % kWordBits + grain);
        tasks.push_back({i, {begin, end}});
        begin = end;
      }
    }
    execution_.parallel_for(static_cast<int64_t>(tasks.size()), 1,
                            [&](int64_t begin, int64_t end, int worker) {
                              for (int64_t t = begin; t < end; ++t) {
                                const Task& task = tasks[static_cast<size_t>(t)];
                                for (size_t j = stage.begin; j < stage.end; ++j) {
                                  filter_task(segments[j - stage.begin][task.part], task.rows, j, worker);
                                }
                              }
                            });
    for (Part* part : group) part->alive = bits_.count(part->rows.start - origin_, part->rows.stop - origin_);
  }

  void filter_task(const Segment& segment, RowRange rows, size_t j, int worker) {
    TaskBits task(rows.start, rows.stop);
    const int64_t first = segment.source.first;
    if (const auto& mask = filter_.conjuncts[j].mask(); mask && mask->runs_on(segment)) {
      task.fill(*mask, segment, first);
      task.store(bits_, origin_, j > 0);
      return;
    }
    constexpr int64_t kLargestBatch = 4096;
    const int64_t batch_size = std::min(batch_rows(segment), kLargestBatch);
    std::array<int32_t, kLargestBatch> picked;
    std::array<int32_t, kLargestBatch> kept;
    Evaluator& evaluator = *evaluators_[j][static_cast<size_t>(worker)];
    TaskBits alive(rows.start, rows.stop);
    if (j > 0) alive.load(bits_, origin_);
    for (int64_t begin = rows.start; begin < rows.stop; begin += batch_size) {
      const int64_t end = std::min(rows.stop, begin + batch_size);
      Batch batch{&segment, begin - first, end - begin, nullptr};
      if (j > 0) {
        size_t count = 0;
        alive.for_each(begin, end, [&](int64_t row) { picked[count++] = static_cast<int32_t>(row - begin); });
        if (count == 0) continue;
        if (static_cast<int64_t>(count) < batch.size) batch.picked = picked.data();
        batch.size = static_cast<int64_t>(count);
      }
      if (batch.picked == nullptr) {
        std::array<uint64_t, kLargestBatch / kWordBits> bits;
        evaluator.mark(batch, bits.data());
        task.insert(begin, batch.size, bits.data());
        continue;
      }
      const int64_t count = evaluator.narrow(batch, kept.data());
      for (int64_t k = 0; k < count; ++k) task.insert(first + batch.row(kept[static_cast<size_t>(k)]));
    }
    task.store(bits_, origin_, j > 0);
  }

  /// The survivors of a partition, read one by one.
  void filter_survivors(Part& part, size_t j) {
    std::vector<int64_t> rows;
    bits_.for_each(part.rows.start - origin_, part.rows.stop - origin_,
                   [&](int64_t bit) { rows.push_back(origin_ + bit); });
    std::vector<int64_t> positions(rows);
    for (int64_t& position : positions) position -= range_.start;
    Segment segment;
    segment.size = static_cast<int64_t>(rows.size());
    segment.source = {rows.data(), 0};
    segment.position = {positions.data(), 0};
    const ProgramInputs& inputs = filter_.conjuncts[j].inputs();
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
      const int64_t bit = rows[i] - origin_;
      bits_.words()[static_cast<size_t>(bit / kWordBits)] &= ~(uint64_t{1} << (bit % kWordBits));
      --part.alive;
    }
  }

  Execution& execution_;
  const Condition& filter_;
  const Relation& input_;
  RowRange range_;
  std::vector<Stage> stages_;
  Evaluators evaluators_;
  Bitmap bits_;
  int64_t origin_ = 0;
};

/// Positions of rows in a range of the source.
std::vector<int64_t> positions_of(const Selection& rows, const Selection& range) {
  std::vector<int64_t> positions(static_cast<size_t>(rows.size()));
  rows.copy_rows(0, positions);
  for (int64_t& position : positions) position -= range.row_bound() - range.size();
  return positions;
}

/// Filters a relation of any order, a piece of its positions after the other.
std::vector<int64_t> find_positions(Execution& execution, const Condition& filter, const Relation& input) {
  const Evaluators evaluators = make_evaluators(execution, filter, input.source);
  const auto wanted = static_cast<size_t>(filter.fetch ? *filter.fetch : input.size());
  std::vector<int64_t> found;
  int64_t step = filter.fetch ? kFirstRows : kTakeRows;
  for (int64_t position = 0; position < input.size() && found.size() < wanted;) {
    const int64_t count = std::min(step, input.size() - position);
    std::vector<int64_t> alive(static_cast<size_t>(count));
    for (size_t i = 0; i < alive.size(); ++i) alive[i] = position + static_cast<int64_t>(i);
    std::vector<int64_t> rows(alive.size());
    input.rows.copy_rows(position, rows);
    int64_t bytes = 0;
    for (size_t j = 0; j < filter.conjuncts.size() && !alive.empty(); ++j) {
      Segment segment;
      segment.size = static_cast<int64_t>(alive.size());
      segment.source = {rows.data(), 0};
      segment.position = {alive.data(), 0};
      const ProgramInputs& inputs = filter.conjuncts[j].inputs();
      for (const ColumnRef& ref : inputs.columns) {
        segment.columns.push_back(execution.take(*input.source, ref, rows));
        bytes += segment.columns.back().byte_count();
      }
      for (const std::string& id : inputs.computed)
        segment.computed.push_back(input.computed.at(id).take(alive));
      std::vector<uint8_t> keep(alive.size());
      execution.parallel_for(segment.size, batch_rows(segment), [&](int64_t begin, int64_t end, int worker) {
        std::vector<int32_t> kept(static_cast<size_t>(end - begin));
        Evaluator& evaluator = *evaluators[j][static_cast<size_t>(worker)];
        const int64_t narrowed = evaluator.narrow({&segment, begin, end - begin, nullptr}, kept.data());
        for (int64_t k = 0; k < narrowed; ++k)
          keep[static_cast<size_t>(begin + kept[static_cast<size_t>(k)])] = 1;
      });
      size_t left = 0;
      for (size_t i = 0; i < alive.size(); ++i) {
        if (keep[i] == 0) continue;
        alive[left] = alive[i];
        rows[left++] = rows[i];
      }
      alive.resize(left);
      rows.resize(left);
    }
    alive.resize(std::min(alive.size(), wanted - found.size()));
    found.insert(found.end(), alive.begin(), alive.end());
    position += count;
    if (filter.fetch) step = std::min(step * 2, kTakeRows);
    if (bytes > kWaveBytes) step = std::max<int64_t>(1, step / (bytes / kWaveBytes + 1));
  }
  return found;
}

}  // namespace

std::vector<int64_t> passing_positions(Execution& execution, const Condition& condition,
                                       const Relation& input) {
  if (input.rows.kind() != Selection::Kind::kRange) return find_positions(execution, condition, input);
  return positions_of(RangeFilter(execution, condition, input).find(), input.rows);
}

Relation run_filter(Execution& execution, const Condition& condition, const Relation& input) {
  if (condition.fetch && *condition.fetch == 0) return input.slice(0, 0);
  if (input.rows.kind() != Selection::Kind::kRange) {
    return input.select(find_positions(execution, condition, input), execution.pool());
  }
  Selection rows = RangeFilter(execution, condition, input).find();
  if (input.computed.empty() && input.rows.weights() == nullptr) return {input.source, std::move(rows), {}};
  return input.select(positions_of(rows, input.rows), execution.pool());
}

}  // namespace tql_engine
