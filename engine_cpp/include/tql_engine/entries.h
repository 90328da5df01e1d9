// The first axis of rows: a column seen as all its entries, and entries put together into rows again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/counted_vector.h"
#include "tql_engine/types.h"

namespace tql_engine {

/// The entries of all rows of a column, one after the other.
struct Entries {
  Column items;
  CountedVector<int64_t> offsets;  // [rows + 1]: where the entries of each row begin in `items`
};

/// The entries of the first axis. Throws EngineError(kInternal) for rows without an axis.
Entries entries_of(const Column& column);

/// Rows of which row i holds the items [offsets[i], offsets[i + 1]), as a column of `type`: a list if that is
/// nested, else arrays of one more axis. Throws EngineError(kInternal) if the items have NULLs or other
/// shapes than an unnested type allows.
Column rows_of_items(const Column& items, CountedVector<int64_t> offsets, const Type& type);

/// Some entries of a row of a column; row -1 is NULL.
struct Cut {
  int64_t row;
  int64_t start;
  int64_t stop;
};

/// Runs of entries as rows of the same rank.
Column cut_rows(const Column& column, std::span<const Cut> cuts);

}  // namespace tql_engine
