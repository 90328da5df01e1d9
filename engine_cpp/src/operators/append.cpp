// Rows of two sources as rows of one.
#include <memory>
#include <utility>

#include "tql_engine/execution.h"
#include "tql_engine/set_ops.h"

namespace tql_engine {
namespace {

/// Each row of the source once, where it came first.
Relation without_repeats(Execution& execution, const Relation& input) {
  if (input.rows.ascending()) return input;
  const SetOp first{SetOpKind::kUnion, false, true};
  const SetOpResult result = combine(first, input.rows, Selection(), true, execution.pool());
  return input.select(result.origins, execution.pool());
}

}  // namespace

Relation run_append(Execution& execution, const Append& append, const Relation& left, const Relation& right) {
  auto source = std::make_shared<AppendSource>(
      execution.pool(), append.distinct ? without_repeats(execution, left) : left,
      append.distinct ? without_repeats(execution, right) : right, append.columns);
  const int64_t rows = source->num_rows();
  return {std::move(source), Selection::range(0, rows), {}};
}

}  // namespace tql_engine
