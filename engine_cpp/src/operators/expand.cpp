// EXPAND BY: windows of neighbours around the rows that pass a condition.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr size_t kInterval = 1 << 16;  // windows between two looks for interrupts

/// Calls visit(window, begin, end) with the positions that each window adds.
template <class Visit>
void for_each_window(Execution& execution, const Expand& expand, std::span<const int64_t> matches,
                     int64_t rows, const Visit& visit) {
  int64_t covered = 0;  // positions below are in an earlier window
  for (size_t window = 0; window < matches.size(); ++window) {
    if (window % kInterval == 0) execution.check_interrupt();
    const int64_t match = matches[window];
    int64_t begin = match - std::min(match, expand.before);
    const int64_t end = match + 1 + std::min(rows - 1 - match, expand.after);
    if (!expand.overlap) begin = std::max(begin, covered);
    covered = std::max(covered, end);
    visit(static_cast<int64_t>(window), begin, end);
  }
}

Column ordinals_column(CountedVector<int64_t> ordinals) {
  auto kept = std::make_shared<CountedVector<int64_t>>(std::move(ordinals));
  const auto rows = static_cast<int64_t>(kept->size());
  return Column::dense(Element::kInt64, kept->data(), rows * 8, rows, {}, {}, kept);
}

}  // namespace

Relation run_expand(Execution& execution, const Expand& expand, const Relation& input) {
  const CountedVector<int64_t> matches = passing_positions(execution, expand.condition, input);
  int64_t total = 0;
  for_each_window(execution, expand, matches, input.size(), [&](int64_t, int64_t begin, int64_t end) {
    if (__builtin_add_overflow(total, end - begin, &total)) total = std::numeric_limits<int64_t>::max();
  });
  if (total > kMaxMadeRows) {
    throw EngineError(Code::kValue, "EXPAND BY gives more rows than the " + std::to_string(kMaxMadeRows) +
                                        " that are possible; use smaller windows or OVERLAP FALSE: " +
                                        std::to_string(total));
  }
  CountedVector<int64_t> positions;
  CountedVector<int64_t> ordinals;
  positions.reserve(static_cast<size_t>(total));
  if (expand.id) ordinals.reserve(static_cast<size_t>(total));
  for_each_window(execution, expand, matches, input.size(), [&](int64_t window, int64_t begin, int64_t end) {
    for (int64_t position = begin; position < end; ++position) positions.push_back(position);
    if (expand.id && begin < end) ordinals.insert(ordinals.end(), static_cast<size_t>(end - begin), window);
  });
  Relation result = input.select(positions, execution.pool());
  if (expand.id) result.computed.emplace(*expand.id, ordinals_column(std::move(ordinals)));
  return result;
}

}  // namespace tql_engine
