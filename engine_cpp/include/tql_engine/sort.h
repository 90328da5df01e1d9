// ORDER BY: the order of rows by one or more key columns.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tql_engine/column.h"

namespace tql_engine {

class Cancellation;
class ThreadPool;

/// A key has one element per row: a dense column with one element in each, or text.
struct SortKey {
  Column column;
  bool descending = false;
};

/// The first `fetch` positions (all if negative) of [0, rows) in the order of the keys, the first key first.
/// Numbers by value, text by its bytes, false before true; NaN and then NULL last, under `descending` too;
/// ties in order of position. With `fetch` below rows this costs O(rows + fetch log fetch).
std::vector<int64_t> sort_positions(std::span<const SortKey> keys, int64_t rows, int64_t fetch,
                                    ThreadPool& pool, const Cancellation* cancellation = nullptr);

}  // namespace tql_engine
