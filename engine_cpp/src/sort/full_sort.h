// ORDER BY of all rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "encoded_key.h"

namespace tql_engine {

/// Writes the rows [0, rows) in the order of the keys, at least one, to `positions`, [rows]. Takes up to 32
/// bytes per row of the memory budget meanwhile; throws MemoryLimitError.
void sort_all(const std::vector<EncodedKey>& keys, std::span<int64_t> positions, ThreadPool& pool,
              const Cancellation* cancellation);

}  // namespace tql_engine
