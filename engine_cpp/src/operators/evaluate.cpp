// Programs over all rows of a relation: rows are read in segments (partition by partition where the relation
// is a range of the source, else by position), and each segment is evaluated in batches on all threads.
#include <algorithm>
#include <memory>
#include <utility>

#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kBatchRows = 2048;
constexpr int64_t kBatchElements = 1 << 16;
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
        const auto same = [&](const ColumnRef& other) {
          return other.name == ref.name && other.facet == ref.facet;
        };
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

/// Evaluates programs over one segment after the other and keeps the pieces.
class ColumnBuilder {
 public:
  ColumnBuilder(Execution& execution, const Relation& relation, std::span<const Program* const> programs)
      : execution_(execution),
        relation_(relation),
        programs_(programs),
        shared_(programs),
        pieces_(programs.size()) {
    for (const Program* program : programs) {
      auto& workers = evaluators_.emplace_back();
      for (int worker = 0; worker < execution.pool().threads(); ++worker) {
        workers.push_back(std::make_unique<Evaluator>(*program, execution.seed(), OnConflict::kError));
      }
    }
  }

  std::vector<Column> build() {
    const Selection& rows = relation_.rows;
    switch (rows.kind()) {
      case Selection::Kind::kRange:
        read_range({rows.row_bound() - rows.size(), rows.row_bound()});
        break;
      case Selection::Kind::kBitmap:
        read_set();
        break;
      case Selection::Kind::kIndices:
        take(0, rows.size());
        break;
    }
    std::vector<Column> result;
    for (size_t i = 0; i < programs_.size(); ++i) {
      std::erase_if(pieces_[i], [](const Column& piece) { return piece.length() == 0; });
      result.push_back(pieces_[i].empty() ? Column::empty(programs_[i]->result_type())
                                          : Column::concat(pieces_[i]));
      pieces_[i].clear();
    }
    return result;
  }

 private:
  void read_range(RowRange range) {
    for (const RowRange& part : execution_.partitions(shared_.refs(), range)) {
      add(read(part), part.start - range.start, part.stop - part.start, {nullptr, part.start});
    }
  }

  /// Rows in storage order: partitions with many of them are read as a whole.
  void read_set() {
    const Selection& rows = relation_.rows;
    const Bitmap set = rows.to_bitmap(rows.row_bound());
    int64_t position = 0;  // of the first row that is not taken yet
    int64_t behind = 0;    // of the first row of the next partition
    for (const RowRange& part : execution_.partitions(shared_.refs(), {0, rows.row_bound()})) {
      const int64_t first = behind;
      behind += set.count(part.start, part.stop);
      if ((behind - first) * kReadFraction < part.stop - part.start) continue;
      take(position, first);
      add_picked(read(part), part, set, first);
      position = behind;
    }
    take(position, rows.size());
  }

  std::vector<Column> read(RowRange part) {
    std::vector<Column> columns;
    for (const ColumnRef& ref : shared_.refs()) columns.push_back(execution_.read(ref, part));
    return columns;
  }

  /// Positions [position, stop) of the relation, read by row number.
  void take(int64_t position, int64_t stop) {
    int64_t wanted = shared_.refs().empty() ? stop - position : kFirstTake;
    std::vector<int64_t> taken;
    for (; position < stop; position += static_cast<int64_t>(taken.size())) {
      const int64_t count = std::min(wanted, stop - position);
      taken.resize(static_cast<size_t>(count));
      relation_.rows.copy_rows(position, taken);
      std::vector<Column> columns;
      int64_t bytes = 0;
      for (const ColumnRef& ref : shared_.refs()) {
        columns.push_back(execution_.take(ref, taken));
        bytes += columns.back().byte_count();
      }
      add(columns, position, count, {taken.data(), 0});
      // As many rows next time as fit into the budget, going by these.
      if (bytes > 0) wanted = std::clamp<int64_t>(kTakeBytes / (bytes / count + 1), 1, kLargestTake);
    }
  }

  /// All rows of a segment whose first row is at this position of the relation.
  void add(const std::vector<Column>& columns, int64_t position, int64_t size, RowNumbers source) {
    for (size_t i = 0; i < programs_.size(); ++i) {
      if (programs_[i]->as_plain_column() != nullptr) {
        pieces_[i].push_back(shared_.segment(i, columns).columns.front());
        continue;
      }
      Segment segment = shared_.segment(i, columns);
      segment.size = size;
      segment.source = source;
      segment.position = {nullptr, position};
      for (const std::string& id : programs_[i]->inputs().computed) {
        segment.computed.push_back(relation_.computed.at(id).slice(position, position + size));
      }
      evaluate(i, size, batch_rows(segment), [&](int64_t begin, int64_t end, std::vector<int32_t>&) {
        return Batch{&segment, begin, end - begin, nullptr};
      });
    }
  }

  /// The rows of `set` in a partition; `position` is that of the first one.
  void add_picked(const std::vector<Column>& columns, RowRange part, const Bitmap& set, int64_t position) {
    const int64_t size = part.stop - part.start;
    for (size_t i = 0; i < programs_.size(); ++i) {
      const ProgramInputs& inputs = programs_[i]->inputs();
      Segment segment = shared_.segment(i, columns);
      segment.size = size;
      segment.source = {nullptr, part.start};
      std::vector<int64_t>
          positions;  // row of the partition to position; rows that are not in the set have none
      if (inputs.positions || !inputs.computed.empty()) {
        positions.resize(static_cast<size_t>(size));
        int64_t next = position;
        set.for_each(part.start, part.stop,
                     [&](int64_t row) { positions[static_cast<size_t>(row - part.start)] = next++; });
      }
      segment.position = {positions.data(), 0};
      for (const std::string& id : inputs.computed)
        segment.computed.push_back(relation_.computed.at(id).take(positions));
      evaluate(i, size, batch_rows(segment), [&](int64_t begin, int64_t end, std::vector<int32_t>& picked) {
        picked.clear();
        set.for_each(part.start + begin, part.start + end,
                     [&](int64_t row) { picked.push_back(static_cast<int32_t>(row - part.start - begin)); });
        return Batch{&segment, begin, static_cast<int64_t>(picked.size()), picked.data()};
      });
    }
  }

  /// One piece per batch of `grain` rows; `batch` says what of it is evaluated.
  template <class MakeBatch>
  void evaluate(size_t i, int64_t size, int64_t grain, const MakeBatch& make_batch) {
    const size_t first = pieces_[i].size();
    pieces_[i].resize(first + static_cast<size_t>((size + grain - 1) / grain));
    execution_.parallel_for(size, grain, [&](int64_t begin, int64_t end, int worker) {
      thread_local std::vector<int32_t> picked;
      const Batch batch = make_batch(begin, end, picked);
      if (batch.size == 0) return;
      const Vector& vector = evaluators_[i][static_cast<size_t>(worker)]->evaluate(batch);
      pieces_[i][first + static_cast<size_t>(begin / grain)] =
          materialize(vector, batch.size, programs_[i]->result_type());
    });
  }

  Execution& execution_;
  const Relation& relation_;
  std::span<const Program* const> programs_;
  SharedColumns shared_;
  std::vector<std::vector<std::unique_ptr<Evaluator>>> evaluators_;  // per program and worker
  std::vector<std::vector<Column>> pieces_;                          // per program
};

}  // namespace

int64_t batch_rows(const Segment& segment) noexcept {
  int64_t elements = 1;
  for (const auto* columns : {&segment.columns, &segment.computed}) {
    for (const Column& column : *columns) {
      if (column.length() == 0 || column.rank() == 0) continue;
      const auto row_elements =
          column.layout() == Layout::kDense ? column.row_elements()
          : column.layout() == Layout::kRagged
              ? (column.offsets().back() - column.offsets().front()) / column.length()
              : (column.row_offsets().back() - column.row_offsets().front()) / column.length();
      elements = std::max(elements, row_elements);
    }
  }
  return std::clamp<int64_t>(kBatchElements / elements, 1, kBatchRows);
}

std::vector<Column> evaluate_columns(Execution& execution, const Relation& relation,
                                     std::span<const Program* const> programs) {
  return ColumnBuilder(execution, relation, programs).build();
}

}  // namespace tql_engine
