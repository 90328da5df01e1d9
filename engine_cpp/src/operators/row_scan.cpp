#include "row_scan.h"

#include <algorithm>
#include <utility>

#include "late_reads.h"
#include "read_ahead.h"

namespace tql_engine {
namespace {

constexpr int64_t kFirstTake = 4096;
constexpr int64_t kLargestTake = 1 << 20;
constexpr int64_t kTakeBytes = 64 << 20;
constexpr int64_t kReadFraction = 4;  // a partition is read as a whole for at least 1/4 of its rows

/// The columns that some programs read, each once.
class SharedColumns {
 public:
  explicit SharedColumns(std::span<const Program* const> programs) {
    for (const Program* program : programs) {
      std::vector<size_t> places;
      for (const ColumnRef& ref : program->inputs().columns) {
        const auto same = [&](const ColumnRef& other) { return same_column(ref, other); };
        const auto found = std::find_if(refs_.begin(), refs_.end(), same);
        places.push_back(static_cast<size_t>(found - refs_.begin()));
        if (found == refs_.end()) refs_.push_back(ref);
      }
      places_.push_back(std::move(places));
    }
  }

  std::span<const ColumnRef> refs() const noexcept { return refs_; }

  Segment segment(size_t program, const std::vector<Column>& columns) const {
    Segment segment;
    for (const size_t place : places_[program]) segment.columns.push_back(columns[place]);
    return segment;
  }

 private:
  std::vector<ColumnRef> refs_;
  std::vector<std::vector<size_t>> places_;
};

class RowScan {
 public:
  RowScan(Execution& execution, const Relation& relation, std::span<const Program* const> programs,
          const std::function<void(const ScannedRows&)>& visit)
      : relation_(relation),
        programs_(programs),
        visit_(visit),
        shared_(programs),
        in_memory_(relation.source->in_memory()),
        reader_(execution, *relation.source) {}

  void run() {
    const Selection& rows = relation_.rows;
    switch (rows.kind()) {
      case Selection::Kind::kRange:
        return read_range({rows.row_bound() - rows.size(), rows.row_bound()});
      case Selection::Kind::kBitmap:
        return read_set();
      case Selection::Kind::kIndices:
        return take(0, rows.size());
    }
  }

 private:
  void read_range(RowRange range) {
    const std::vector<RowRange> parts = Execution::partitions(*relation_.source, shared_.refs(), range);
    for (size_t i = 0; i < parts.size(); ++i) {
      const RowRange& part = parts[i];
      const std::vector<Column> columns = read(part);
      if (i + 1 < parts.size()) request(parts[i + 1]);
      add(columns, part.start - range.start, part.stop - part.start, {nullptr, part.start});
    }
  }

  /// Rows in storage order: partitions with many of them are read as a whole.
  void read_set() {
    const Selection& rows = relation_.rows;
    const Bitmap set = rows.to_bitmap(rows.row_bound());
    struct Part {
      RowRange rows;
      int64_t first;  // position of its first row
      int64_t behind;
    };
    std::vector<Part> whole;
    int64_t behind = 0;
    for (const RowRange& part :
         Execution::partitions(*relation_.source, shared_.refs(), {0, rows.row_bound()})) {
      const int64_t first = behind;
      behind += set.count(part.start, part.stop);
      if (is_read_whole(behind - first, part.stop - part.start)) whole.push_back({part, first, behind});
    }
    int64_t position = 0;  // of the first row that is not taken yet
    for (size_t i = 0; i < whole.size(); ++i) {
      const Part& part = whole[i];
      take(position, part.first);
      const std::vector<Column> columns = read(part.rows);
      if (i + 1 < whole.size()) request(whole[i + 1].rows);
      add_picked(columns, part.rows, set, part.first);
      position = part.behind;
    }
    take(position, rows.size());
  }

  /// Of what is large in storage nothing is read in vain.
  bool is_read_whole(int64_t wanted, int64_t rows) const {
    if (wanted * kReadFraction < rows) return false;
    return wanted == rows || in_memory_ || std::ranges::none_of(shared_.refs(), is_large);
  }

  void request(RowRange part) {
    for (const ColumnRef& ref : shared_.refs()) reader_.request(ref, part);
  }

  std::vector<Column> read(RowRange part) {
    std::vector<Column> columns;
    for (const ColumnRef& ref : shared_.refs()) columns.push_back(reader_.read(ref, part));
    return columns;
  }

  /// Positions [position, stop) of the relation, read by row number: while some are computed, the next are
  /// read.
  void take(int64_t position, int64_t stop) {
    int64_t wanted = shared_.refs().empty() ? stop - position : kFirstTake;
    RowNumberList rows = numbers_of(position, std::min(stop, position + wanted));
    while (position < stop) {
      const std::span<const int64_t> taken(*rows);
      const int64_t count = std::ssize(taken);
      std::vector<Column> columns;
      int64_t bytes = 0;
      for (const ColumnRef& ref : shared_.refs()) {
        columns.push_back(reader_.take(ref, rows));
        bytes += columns.back().byte_count();
      }
      // As many rows next time as fit into the budget, going by these.
      if (bytes > 0)
        wanted = std::clamp<int64_t>(memory_share(kTakeBytes) / (bytes / count + 1), 1, kLargestTake);
      const int64_t next = position + count;
      RowNumberList after = numbers_of(next, std::min(stop, next + wanted));
      if (next < stop) {
        for (const ColumnRef& ref : shared_.refs()) reader_.request(ref, after);
      }
      add(columns, position, count, {taken.data(), 0});
      position = next;
      rows = std::move(after);
    }
  }

  /// The rows at positions [begin, end) of the relation.
  RowNumberList numbers_of(int64_t begin, int64_t end) const {
    CountedVector<int64_t> numbers(static_cast<size_t>(std::max<int64_t>(end - begin, 0)));
    relation_.rows.copy_rows(begin, numbers);
    return std::make_shared<const CountedVector<int64_t>>(std::move(numbers));
  }

  /// All rows of a segment whose first row is at this position of the relation.
  void add(const std::vector<Column>& columns, int64_t position, int64_t size, RowNumbers source) {
    ScannedRows rows;
    rows.size = size;
    rows.position = position;
    for (size_t i = 0; i < programs_.size(); ++i) {
      Segment& segment = rows.segments.emplace_back(shared_.segment(i, columns));
      segment.size = size;
      segment.source = source;
      segment.position = {nullptr, position};
      for (const std::string& id : programs_[i]->inputs().computed) {
        segment.computed.push_back(relation_.computed.at(id).slice(position, position + size));
      }
    }
    visit_(rows);
  }

  /// The rows of `set` in a partition; `position` is that of the first one.
  void add_picked(const std::vector<Column>& columns, RowRange part, const Bitmap& set, int64_t position) {
    ScannedRows rows;
    rows.size = part.stop - part.start;
    rows.position = position;
    rows.set = &set;
    rows.first = part.start;
    // Of the partition's rows in the relation; those not in the set have none.
    std::vector<int64_t> positions;
    for (size_t i = 0; i < programs_.size(); ++i) {
      const ProgramInputs& inputs = programs_[i]->inputs();
      Segment& segment = rows.segments.emplace_back(shared_.segment(i, columns));
      segment.size = rows.size;
      segment.source = {nullptr, part.start};
      if (positions.empty() && (inputs.positions || !inputs.computed.empty())) {
        positions.resize(static_cast<size_t>(rows.size));
        int64_t next = position;
        set.for_each(part.start, part.stop,
                     [&](int64_t row) { positions[static_cast<size_t>(row - part.start)] = next++; });
      }
      segment.position = {positions.data(), 0};
      for (const std::string& id : inputs.computed)
        segment.computed.push_back(relation_.computed.at(id).take(positions));
    }
    visit_(rows);
  }

  const Relation& relation_;
  std::span<const Program* const> programs_;
  const std::function<void(const ScannedRows&)>& visit_;
  SharedColumns shared_;
  const bool in_memory_;
  ReadAhead reader_;
};

/// A batch of one program's values as a column, without a copy where there is one in memory already.
Column column_of(const Program& program, Evaluator& evaluator, const Batch& batch) {
  if (program.as_plain_column() != nullptr && batch.picked == nullptr)
    return batch.segment->columns.front().slice(batch.begin, batch.begin + batch.size);
  const Vector& vector = evaluator.evaluate(batch);
  if (vector.rank > 0 || vector.step != 1 || vector.element == Element::kText)
    return materialize(vector, batch.size, program.result_type());
  const auto count = vector.valid == nullptr ? 0 : static_cast<size_t>(batch.size);
  return Column::dense(vector.element, vector.values, batch.size * element_size(vector.element), batch.size,
                       {}, std::span(vector.valid, count), nullptr);
}

}  // namespace

std::vector<int64_t> ScannedRows::positions(int64_t grain) const {
  std::vector<int64_t> starts;
  int64_t next = position;
  for (int64_t begin = 0; begin < size; begin += grain) {
    starts.push_back(next);
    const int64_t end = std::min(begin + grain, size);
    next += set == nullptr ? end - begin : set->count(first + begin, first + end);
  }
  return starts;
}

Batch ScannedRows::batch(size_t program, int64_t begin, int64_t end, std::vector<int32_t>& picked) const {
  if (set == nullptr) return {&segments[program], begin, end - begin, nullptr};
  picked.clear();
  set->for_each(first + begin, first + end,
                [&](int64_t row) { picked.push_back(static_cast<int32_t>(row - first - begin)); });
  return {&segments[program], begin, static_cast<int64_t>(picked.size()), picked.data()};
}

void scan_rows(Execution& execution, const Relation& relation, std::span<const Program* const> programs,
               const std::function<void(const ScannedRows&)>& visit) {
  RowScan(execution, relation, programs, visit).run();
}

void visit_columns(Execution& execution, const Relation& relation, std::span<const Program* const> programs,
                   const VisitColumns& visit) {
  std::vector<std::vector<std::unique_ptr<Evaluator>>> evaluators;  // per program and worker
  for (const Program* program : programs)
    evaluators.push_back(execution.evaluators(relation.source, *program, OnConflict::kError));
  scan_rows(execution, relation, programs, [&](const ScannedRows& rows) {
    int64_t grain = rows.size;
    for (const Segment& segment : rows.segments) grain = std::min(grain, batch_rows(segment));
    const std::vector<int64_t> positions = rows.positions(grain);
    execution.parallel_for(rows.size, grain, [&](int64_t begin, int64_t end, int worker) {
      std::vector<int32_t> picked;
      std::vector<Column> columns;
      for (size_t i = 0; i < programs.size(); ++i) {
        const Batch batch = rows.batch(i, begin, end, picked);
        if (batch.size == 0) return;
        columns.push_back(column_of(*programs[i], *evaluators[i][static_cast<size_t>(worker)], batch));
      }
      visit(columns, positions[static_cast<size_t>(begin / grain)], worker);
    });
  });
}

}  // namespace tql_engine
