// The select list's computed columns.
#include "tql_engine/execution.h"

namespace tql_engine {

Relation run_project(Execution& execution, const Project& project, const Relation& input) {
  std::vector<const Program*> programs;
  for (const Program& program : project.programs) programs.push_back(&program);
  std::vector<Column> columns = evaluate_columns(execution, input, programs);
  Relation result = input;
  for (size_t i = 0; i < columns.size(); ++i) result.computed.emplace(project.ids[i], std::move(columns[i]));
  return result;
}

}  // namespace tql_engine
