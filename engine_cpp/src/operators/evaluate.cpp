// Programs over all rows of a relation: each segment that is read is evaluated in batches on all threads.
#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "row_scan.h"
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
      : execution_(execution), relation_(relation), programs_(programs), pieces_(programs.size()) {
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
    scan_rows(execution_, relation_, programs_, [this](const ScannedRows& rows) { add(rows); });
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
  void add(const ScannedRows& rows) {
    for (size_t i = 0; i < programs_.size(); ++i) {
      const Segment& segment = rows.segments[i];
      if (rows.set == nullptr && programs_[i]->as_plain_column() != nullptr && scalars_[i] == nullptr) {
        pieces_[i].push_back(segment.columns.front());
        continue;
      }
      const auto& weights = programs_[i]->weights();
      if (rows.set == nullptr && weights && weights->runs_on(segment)) {
        auto* out = reinterpret_cast<double*>(scalars_[i]->values()) + rows.position;
        execution_.parallel_for(rows.size, kWeightRows, [&](int64_t begin, int64_t end, int) {
          weights->evaluate(segment, begin, end - begin, out + begin);
        });
        continue;
      }
      evaluate(i, rows, batch_rows(segment));
    }
  }

  void evaluate(size_t i, const ScannedRows& rows, int64_t grain) {
    const Type& type = programs_[i]->result_type();
    const std::vector<int64_t> positions = rows.positions(grain);
    const size_t first = pieces_[i].size();
    if (scalars_[i] == nullptr) pieces_[i].resize(first + positions.size());
    execution_.parallel_for(rows.size, grain, [&](int64_t begin, int64_t end, int worker) {
      thread_local std::vector<int32_t> picked;
      const Batch batch = rows.batch(i, begin, end, picked);
      if (batch.size == 0) return;
      const Vector& vector = evaluators_[i][static_cast<size_t>(worker)]->evaluate(batch);
      const auto piece = static_cast<size_t>(begin / grain);
      if (scalars_[i] == nullptr) {
        pieces_[i][first + piece] = materialize(vector, batch.size, type);
      } else if (vector.rank == 0) {
        scalars_[i]->write(vector, positions[piece], batch.size);
      } else {
        throw EngineError(Code::kInternal, "an expression gave arrays where the plan says scalars");
      }
    });
  }

  Execution& execution_;
  const Relation& relation_;
  std::span<const Program* const> programs_;
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
