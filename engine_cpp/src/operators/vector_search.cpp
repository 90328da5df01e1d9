// The rows that the index of a column of vectors finds near one vector. It computes no scores: the node above
// orders the rows by their exact ones.
#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {

Relation run_vector_search(Execution& execution, const VectorSearch& op, const Relation& input) {
  if (input.rows.kind() != Selection::Kind::kRange || input.size() != input.source->num_rows())
    throw EngineError(Code::kInternal, "an index finds rows of a whole source, not of some of its rows");
  const std::vector<int64_t> rows = input.source->nearest(op.column, op.metric, op.query, op.count);
  return input.select(rows, execution.pool());
}

}  // namespace tql_engine
