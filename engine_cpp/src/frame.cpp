// How a running program reports rows that it cannot evaluate.
#include <cstring>

#include "tql_engine/kernel.h"

namespace tql_engine {

std::string shape_text(const int64_t* dims, int rank) {
  std::string text = "[";
  for (int axis = 0; axis < rank; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(dims[axis]);
  }
  return text + "]";
}

void Frame::conflict(int64_t row, const int64_t* x_dims, int x_rank, const int64_t* y_dims, int y_rank) {
  if (on_conflict == OnConflict::kError) {
    fail(Code::kShape,
         "arrays of shapes " + shape_text(x_dims, x_rank) + " and " + shape_text(y_dims, y_rank) +
             " do not go together",
         row);
  }
  if (!has_conflicts) {
    has_conflicts = true;
    std::memset(conflicts.reserve<uint8_t>(size()), 0, static_cast<size_t>(size()));
  }
  conflicts.reserve<uint8_t>(size())[row] = 1;
}

void Frame::fail(Code code, const std::string& message, int64_t row) const {
  const int64_t source_row = row < 0 ? -1 : batch.segment->source.at(batch.row(row));
  throw EngineError(code, message, source_row, span);
}

void refuse_argument(const BindContext& context, size_t argument) {
  throw EngineError(Code::kInternal, "argument " + std::to_string(argument) + " may not be " +
                                         std::string(element_name(context.args[argument].element)));
}

}  // namespace tql_engine
