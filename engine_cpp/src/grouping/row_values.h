// Rows of any layout as values: what makes two of them equal, for DISTINCT. NULL equals NULL, NaN equals NaN,
// and 0.0 equals -0.0; arrays are equal if their shapes and their elements are.
#pragma once

#include <cstdint>

#include "tql_engine/column.h"

namespace tql_engine {

/// Equal rows have equal hashes.
uint64_t hash_row(const Column& column, int64_t row) noexcept;

/// Of rows of one column, or of columns of one element kind and layout; numbers may be dense here and ragged
/// there.
bool same_row(const Column& left, int64_t left_row, const Column& right, int64_t right_row) noexcept;

}  // namespace tql_engine
