// SAMPLE BY: weights as doubles, then draws.
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "tql_engine/cast.h"
#include "tql_engine/draws.h"
#include "tql_engine/execution.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/row_weights.h"
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

/// The weights of drawn positions.
std::shared_ptr<const RowWeights> pick(std::span<const double> weights, std::span<const int64_t> positions,
                                       InterruptiblePool& pool) {
  HeapArray<double> picked(positions.size());
  pool.parallel_for(static_cast<int64_t>(positions.size()), kMorsel, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      picked.values()[i] = weights[static_cast<size_t>(positions[i])];
  });
  return std::make_shared<const RowWeights>(std::move(picked));
}

Relation drawn_rows(const Relation& input, HeapArray<int64_t> positions, std::span<const double> weights,
                    Execution& execution, InterruptiblePool& pool) {
  const auto drawn = pick(weights, std::as_const(positions).values(), pool);
  // Of all rows of a source the positions are the rows.
  const bool all_rows = input.computed.empty() && input.rows.kind() == Selection::Kind::kRange &&
                        input.rows.row_bound() == input.size();
  Relation result =
      all_rows ? Relation{input.source, Selection::from_indices(std::move(positions), &execution.pool()), {}}
               : input.select(std::as_const(positions).values(), execution.pool());
  result.rows = result.rows.with_weights(drawn);
  return result;
}

Relation drawn_with_repeats(const Relation& input, Draws draws, std::span<const double> weights,
                            Execution& execution, InterruptiblePool& pool) {
  // The order of the draws can wait, unless columns have to follow it.
  if (!input.computed.empty() || !input.rows.ascending())
    return drawn_rows(input, draws.rows(pool), weights, execution, pool);
  if (input.rows.kind() == Selection::Kind::kRange) {
    const int64_t start = input.rows.row_bound() - input.size();
    if (start > 0) draws = std::move(draws).renamed(start);
  } else {
    draws = std::move(draws).renamed(input.rows.indices(&execution.pool()));
  }
  return {input.source, Selection::from_draws(std::make_shared<const Draws>(std::move(draws))), {}};
}

}  // namespace

Relation run_sample(Execution& execution, const Sample& sample, const Relation& input, int64_t node_id) {
  const Program* const programs[] = {&sample.weight};
  const Weights of_rows(evaluate_columns(execution, input, programs).front(), execution.pool());
  const std::span<const double> weights = of_rows.values();
  const int64_t count = sample.count.of(input.size());
  if (sample.replace && count > kMaxMadeRows) {
    throw EngineError(Code::kValue,
                      "SAMPLE BY draws more rows than the " + std::to_string(kMaxMadeRows) +
                          " that are possible: " + std::to_string(count),
                      -1, sample.weight.span());
  }
  const RandomKey key{execution.seed(), static_cast<uint64_t>(node_id)};
  InterruptiblePool pool(execution.pool(), [&] { execution.check_interrupt(); });
  try {
    if (sample.replace) {
      return drawn_with_repeats(input, draw_with_replacement(weights, count, key, pool), weights, execution,
                                pool);
    }
    return drawn_rows(input, sample_without_replacement(weights, count, key, pool), weights, execution, pool);
  } catch (const EngineError& error) {
    // The draw knows positions and no place in the query.
    int64_t row = error.row();
    if (row >= 0) input.rows.copy_rows(row, {&row, 1});
    throw EngineError(error.code(), error.message(), row, sample.weight.span());
  }
}

}  // namespace tql_engine
