// Filter over any relation: a range of the source by blocks (range_filter.h), any other by position, a piece
// of its positions after the other. With `fetch` the first rows come from small pieces, so that little is
// read or computed beyond them.
#include <algorithm>
#include <memory>
#include <utility>

#include "range_filter.h"
#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"

namespace tql_engine {
namespace {

constexpr int64_t kPieceBytes = 64 << 20;
constexpr int64_t kFirstRows = 4096;  // where `fetch` begins
constexpr int64_t kPieceRows = 1 << 16;

/// Positions of rows in a range of the source.
CountedVector<int64_t> positions_of(const Selection& rows, const Selection& range) {
  CountedVector<int64_t> positions(static_cast<size_t>(rows.size()));
  rows.copy_rows(0, positions);
  for (int64_t& position : positions) position -= range.row_bound() - range.size();
  return positions;
}

/// Filters a relation of any order, a piece of its positions after the other.
CountedVector<int64_t> find_positions(Execution& execution, const Condition& filter, const Relation& input) {
  const ConjunctEvaluators evaluators = make_evaluators(execution, filter, input.source);
  const auto wanted = static_cast<size_t>(filter.fetch ? *filter.fetch : input.size());
  CountedVector<int64_t> found;
  int64_t step = filter.fetch ? kFirstRows : kPieceRows;
  for (int64_t position = 0; position < input.size() && found.size() < wanted;) {
    const int64_t count = std::min(step, input.size() - position);
    CountedVector<int64_t> alive(static_cast<size_t>(count));
    for (size_t i = 0; i < alive.size(); ++i) alive[i] = position + static_cast<int64_t>(i);
    CountedVector<int64_t> rows(alive.size());
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
      CountedVector<uint8_t> keep(alive.size());
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
    if (filter.fetch) step = std::min(step * 2, kPieceRows);
    if (bytes > kPieceBytes) step = std::max<int64_t>(1, step / (bytes / kPieceBytes + 1));
  }
  return found;
}

}  // namespace

CountedVector<int64_t> passing_positions(Execution& execution, const Condition& condition,
                                         const Relation& input) {
  if (input.rows.kind() != Selection::Kind::kRange) return find_positions(execution, condition, input);
  return positions_of(filter_range(execution, condition, input), input.rows);
}

Relation run_filter(Execution& execution, const Condition& condition, const Relation& input) {
  if (condition.fetch && *condition.fetch == 0) return input.slice(0, 0);
  if (input.rows.kind() != Selection::Kind::kRange) {
    return input.select(find_positions(execution, condition, input), execution.pool());
  }
  Selection rows = filter_range(execution, condition, input);
  if (input.computed.empty() && input.rows.weights() == nullptr) return {input.source, std::move(rows), {}};
  return input.select(positions_of(rows, input.rows), execution.pool());
}

}  // namespace tql_engine
