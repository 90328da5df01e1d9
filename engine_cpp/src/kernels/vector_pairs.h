// The rows of two vectors side by side.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tql_engine/kernel.h"

namespace tql_engine {

/// Calls visit(row, target) for the rows that have both values, after a look at their shapes; the others
/// become NULL.
template <class Visit>
void for_each_pair(Frame& frame, const Vector& x, const Vector& y, Element result, Register& out,
                   const Visit& visit) {
  const int64_t size = element_size(result);
  std::byte* values = out.make_scalars(result, frame.size());
  const bool one_shape = x.dims_step == 0 && y.dims_step == 0;  // of all rows, so one look is enough
  bool looked = false;
  uint8_t* valid = x.valid == nullptr && y.valid == nullptr ? nullptr : out.make_valid(frame.size());
  for (int64_t row = 0; row < frame.size(); ++row) {
    std::byte* target = values + row * size;
    const bool has_value = x.is_valid(row) && y.is_valid(row);
    if (valid != nullptr) valid[row] = static_cast<uint8_t>(has_value);
    if (!has_value) {
      std::memset(target, 0, static_cast<size_t>(size));
      continue;
    }
    if (one_shape && looked) {
      visit(row, target);
      continue;
    }
    looked = true;
    const int64_t* dims = x.row_dims(row);
    if (x.rank != y.rank || !std::equal(dims, dims + x.rank, y.row_dims(row))) {
      frame.fail(Code::kShape,
                 "two vectors of one shape are needed, here are " + shape_text(dims, x.rank) + " and " +
                     shape_text(y.row_dims(row), y.rank),
                 row);
    }
    visit(row, target);
  }
}

}  // namespace tql_engine
