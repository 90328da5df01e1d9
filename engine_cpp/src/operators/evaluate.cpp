// Programs over all rows of a relation: rows are read in segments (partition by partition where the relation
// is a range of the source, else by position), and each segment is evaluated in batches on all threads.
#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "late_reads.h"
#include "read_ahead.h"
#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/loops.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kBatchRows = 2048;
constexpr int64_t kBatchElements = 1 << 16;
constexpr int64_t kWeightRows = 1 << 16;  // of a task that computes nothing but weights by bits
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

/// One number per row, written in place by many threads.
class ScalarColumn {
 public:
  ScalarColumn(Element element, int64_t rows)
      : element_(element), rows_(rows), values_(static_cast<size_t>(rows * element_size(element))) {}

  std::byte* values() noexcept { return values_.values().data(); }

  void write(const Vector& vector, int64_t position, int64_t count) {
    copy_loop(element_)(nullptr, vector.values, vector.step, values() + position * element_size(element_),
                        count);
    if (vector.valid == nullptr) return;
    std::call_once(has_nulls_, [this] { validity_.assign(static_cast<size_t>(rows_), uint8_t{1}); });
    std::copy_n(vector.valid, count, validity_.data() + position);
  }

  static Column finish(std::shared_ptr<const ScalarColumn> self) {
    const ScalarColumn& made = *self;
    const int64_t bytes = made.rows_ * element_size(made.element_);
    return Column::dense(made.element_, made.values_.values().data(), bytes, made.rows_, {}, made.validity_,
                         std::move(self));
  }

 private:
  Element element_;
  int64_t rows_;
  HeapArray<std::byte> values_;
  std::once_flag has_nulls_;
  CountedVector<uint8_t> validity_;
};

/// Evaluates programs over one segment after the other and keeps the pieces.
class ColumnBuilder {
 public:
  ColumnBuilder(Execution& execution, const Relation& relation, std::span<const Program* const> programs)
      : execution_(execution),
        relation_(relation),
        programs_(programs),
        shared_(programs),
        in_memory_(relation.source->in_memory()),
        reader_(execution, *relation.source),
        pieces_(programs.size()) {
    for (const Program* program : programs) {
      evaluators_.push_back(execution.evaluators(relation.source, *program, OnConflict::kError));
      // A column that is handed on as it is needs no copy, unless only some rows of each partition are.
      const Type& type = program->result_type();
      const bool handed_on =
          program->as_plain_column() != nullptr && relation.rows.kind() != Selection::Kind::kBitmap;
      const bool in_place = type.is_scalar() && is_numeric(type.element) && !handed_on;
      scalars_.push_back(in_place ? std::make_shared<ScalarColumn>(type.element, relation.size()) : nullptr);
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
      if (scalars_[i] != nullptr) {
        result.push_back(ScalarColumn::finish(std::move(scalars_[i])));
        continue;
      }
      std::erase_if(pieces_[i], [](const Column& piece) { return piece.length() == 0; });
      result.push_back(pieces_[i].empty() ? Column::empty(programs_[i]->result_type())
                                          : Column::concat(pieces_[i]));
      pieces_[i].clear();
    }
    return result;
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
    for (size_t i = 0; i < programs_.size(); ++i) {
      if (programs_[i]->as_plain_column() != nullptr && scalars_[i] == nullptr) {
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
      if (const auto& weights = programs_[i]->weights(); weights && weights->runs_on(segment)) {
        auto* out = reinterpret_cast<double*>(scalars_[i]->values()) + position;
        execution_.parallel_for(size, kWeightRows, [&](int64_t begin, int64_t end, int) {
          weights->evaluate(segment, begin, end - begin, out + begin);
        });
        continue;
      }
      evaluate(i, size, batch_rows(segment), [&](int64_t begin, int64_t end, std::vector<int32_t>&) {
        return Piece{{&segment, begin, end - begin, nullptr}, position + begin};
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
      const int64_t grain = batch_rows(segment);
      std::vector<int64_t> starts(1, position);  // of each piece
      for (int64_t begin = 0; begin < size; begin += grain) {
        starts.push_back(starts.back() +
                         set.count(part.start + begin, std::min(part.start + begin + grain, part.stop)));
      }
      evaluate(i, size, grain, [&](int64_t begin, int64_t end, std::vector<int32_t>& picked) {
        picked.clear();
        set.for_each(part.start + begin, part.start + end,
                     [&](int64_t row) { picked.push_back(static_cast<int32_t>(row - part.start - begin)); });
        return Piece{{&segment, begin, static_cast<int64_t>(picked.size()), picked.data()},
                     starts[static_cast<size_t>(begin / grain)]};
      });
    }
  }

  /// What is evaluated at once, and the position of its first row in the relation.
  struct Piece {
    Batch batch;
    int64_t position;
  };

  /// `size` rows in pieces of `grain`; `make_piece` says which of these rows are evaluated.
  template <class MakePiece>
  void evaluate(size_t i, int64_t size, int64_t grain, const MakePiece& make_piece) {
    const Type& type = programs_[i]->result_type();
    const size_t first = pieces_[i].size();
    if (scalars_[i] == nullptr) pieces_[i].resize(first + static_cast<size_t>((size + grain - 1) / grain));
    execution_.parallel_for(size, grain, [&](int64_t begin, int64_t end, int worker) {
      thread_local std::vector<int32_t> picked;
      const auto [batch, position] = make_piece(begin, end, picked);
      if (batch.size == 0) return;
      const Vector& vector = evaluators_[i][static_cast<size_t>(worker)]->evaluate(batch);
      if (scalars_[i] == nullptr) {
        pieces_[i][first + static_cast<size_t>(begin / grain)] = materialize(vector, batch.size, type);
      } else if (vector.rank == 0) {
        scalars_[i]->write(vector, position, batch.size);
      } else {
        throw EngineError(Code::kInternal, "an expression gave arrays where the plan says scalars");
      }
    });
  }

  Execution& execution_;
  const Relation& relation_;
  std::span<const Program* const> programs_;
  SharedColumns shared_;
  const bool in_memory_;
  ReadAhead reader_;
  std::vector<std::vector<std::unique_ptr<Evaluator>>> evaluators_;  // per program and worker
  std::vector<std::vector<Column>> pieces_;                          // per program
  std::vector<std::shared_ptr<ScalarColumn>> scalars_;  // per program; null where there are pieces
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
