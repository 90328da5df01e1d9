// SAMPLE BY: weights as doubles, then draws.
#include <memory>
#include <utility>

#include "tql_engine/cast.h"
#include "tql_engine/execution.h"
#include "tql_engine/sampling.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// One weight per row; NULL counts as 0.
std::vector<double> weights_of(Execution& execution, const Program& program, const Relation& input) {
  const Program* const programs[] = {&program};
  const Column column = evaluate_columns(execution, input, programs).front();
  if (column.layout() != Layout::kDense || column.row_elements() != 1) {
    throw EngineError(Code::kInternal, "a weight gave no single number per row");
  }
  std::vector<double> weights(static_cast<size_t>(column.length()));
  if (column.element() == Element::kFloat16) {
    for (size_t i = 0; i < weights.size(); ++i)
      weights[i] = static_cast<double>(half_to_float(column.values<Half>()[i]));
  } else {
    cast_loop(column.element(), Element::kFloat64)(nullptr, column.raw_values(), 1, weights.data(),
                                                   column.length());
  }
  for (int64_t row = 0; column.validity() != nullptr && row < column.length(); ++row) {
    if (column.is_null(row)) weights[static_cast<size_t>(row)] = 0;
  }
  return weights;
}

}  // namespace

Relation run_sample(Execution& execution, const Sample& sample, const Relation& input, int64_t node_id) {
  const std::vector<double> weights = weights_of(execution, sample.weight, input);
  const int64_t count = sample.count.of(input.size());
  const RandomKey key{execution.seed(), static_cast<uint64_t>(node_id)};
  std::vector<int64_t> positions;
  try {
    positions = sample.replace ? sample_with_replacement(weights, count, key, execution.pool())
                               : sample_without_replacement(weights, count, key, execution.pool());
  } catch (const EngineError& error) {
    // The draw knows positions and no place in the query.
    int64_t row = error.row();
    if (row >= 0) input.rows.copy_rows(row, {&row, 1});
    throw EngineError(error.code(), error.message(), row, sample.weight.span());
  }
  auto drawn = std::make_shared<std::vector<double>>(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) (*drawn)[i] = weights[static_cast<size_t>(positions[i])];
  Relation result = input.select(positions, execution.pool());
  result.rows = result.rows.with_weights(std::move(drawn));
  return result;
}

}  // namespace tql_engine
