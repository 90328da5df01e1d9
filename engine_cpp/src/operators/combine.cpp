// UNION, INTERSECT, EXCEPT: rows by number; computed columns that both sides have follow their rows.
#include <array>

#include "tql_engine/execution.h"
#include "tql_engine/set_ops.h"
#include "tql_engine/status.h"

namespace tql_engine {

Relation run_combine(Execution& execution, const Combine& combine_node, const Relation& left,
                     const Relation& right) {
  if (left.source != right.source)
    throw EngineError(Code::kInternal, "a set operation has rows of two sources");
  std::vector<std::string> shared;
  for (const auto& [id, column] : left.computed) {
    if (right.computed.contains(id)) shared.push_back(id);
  }
  SetOpResult combined = combine(combine_node.op, left.rows, right.rows, !shared.empty(), execution.pool());
  Relation result{left.source, std::move(combined.selection), {}};
  if (shared.empty()) return result;
  CountedVector<int64_t>& rows = combined.origins;
  for (int64_t& row : rows) row = row >= 0 ? row : left.size() + ~row;
  for (const std::string& id : shared) {
    const std::array<Column, 2> both{left.computed.at(id), right.computed.at(id)};
    result.computed.emplace(id, Column::concat(both).take(rows));
  }
  return result;
}

}  // namespace tql_engine
