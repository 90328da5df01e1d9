// SAMPLE BY: weights as doubles, then draws.
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "tql_engine/cast.h"
#include "tql_engine/execution.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/sampling.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kMorsel = 1 << 16;

/// One weight per row of a column of numbers; NULL counts as 0.
class Weights {
 public:
  Weights(Column column, ThreadPool& pool) : column_(std::move(column)) {
    if (column_.layout() != Layout::kDense || column_.row_elements() != 1) {
      throw EngineError(Code::kInternal, "a weight gave no single number per row");
    }
    const auto rows = static_cast<size_t>(column_.length());
    if (column_.element() == Element::kFloat64 && column_.validity() == nullptr) {
      values_ = {column_.values<double>(), rows};
      return;
    }
    converted_ = HeapArray<double>(rows);
    values_ = converted_.values();
    pool.parallel_for(column_.length(), kMorsel,
                      [this](int64_t begin, int64_t end, int) { convert(begin, end); });
  }

  std::span<const double> values() const noexcept { return values_; }

 private:
  void convert(int64_t begin, int64_t end) noexcept {
    double* const weights = converted_.values().data();
    if (column_.element() == Element::kFloat16) {
      for (int64_t row = begin; row < end; ++row)
        weights[row] = static_cast<double>(half_to_float(column_.values<Half>()[row]));
    } else {
      const auto* from = static_cast<const std::byte*>(column_.raw_values());
      cast_loop(column_.element(), Element::kFloat64)(nullptr, from + begin * element_size(column_.element()),
                                                      1, weights + begin, end - begin);
    }
    for (int64_t row = begin; column_.validity() != nullptr && row < end; ++row) {
      if (column_.is_null(row)) weights[row] = 0;
    }
  }

  Column column_;
  HeapArray<double> converted_;
  std::span<const double> values_;
};

}  // namespace

Relation run_sample(Execution& execution, const Sample& sample, const Relation& input, int64_t node_id) {
  const Program* const programs[] = {&sample.weight};
  const Weights weights(evaluate_columns(execution, input, programs).front(), execution.pool());
  const int64_t count = sample.count.of(input.size());
  if (sample.replace && count > kMaxMadeRows) {
    throw EngineError(Code::kValue,
                      "SAMPLE BY draws more rows than the " + std::to_string(kMaxMadeRows) +
                          " that are possible: " + std::to_string(count),
                      -1, sample.weight.span());
  }
  const RandomKey key{execution.seed(), static_cast<uint64_t>(node_id)};
  HeapArray<int64_t> drawn;
  try {
    const InterruptiblePool pool(execution.pool(), [&] { execution.check_interrupt(); });
    drawn = sample.replace ? sample_with_replacement(weights.values(), count, key, pool)
                           : sample_without_replacement(weights.values(), count, key, pool);
  } catch (const EngineError& error) {
    // The draw knows positions and no place in the query.
    int64_t row = error.row();
    if (row >= 0) input.rows.copy_rows(row, {&row, 1});
    throw EngineError(error.code(), error.message(), row, sample.weight.span());
  }
  const std::span<const int64_t> positions = drawn.values();
  HeapArray<double> weights_of_drawn(positions.size());
  execution.parallel_for(
      static_cast<int64_t>(positions.size()), kMorsel, [&](int64_t begin, int64_t end, int) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
          weights_of_drawn.values()[i] = weights.values()[static_cast<size_t>(positions[i])];
        }
      });
  // Of all rows of a source the positions are the rows.
  const bool all_rows = input.computed.empty() && input.rows.kind() == Selection::Kind::kRange &&
                        input.rows.row_bound() == input.size() && input.rows.weights() == nullptr;
  Relation result =
      all_rows ? Relation{input.source, Selection::from_indices(std::move(drawn), &execution.pool()), {}}
               : input.select(positions, execution.pool());
  result.rows =
      result.rows.with_weights(std::make_shared<const HeapArray<double>>(std::move(weights_of_drawn)));
  return result;
}

}  // namespace tql_engine
