// A few rows of many, for estimates.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tql_engine {

/// At most `wanted` of [0, total), evenly spread.
inline std::vector<int64_t> spread(int64_t total, size_t wanted) {
  std::vector<int64_t> rows(std::min(static_cast<size_t>(total), wanted));
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = total / static_cast<int64_t>(rows.size()) * static_cast<int64_t>(i);
  }
  return rows;
}

}  // namespace tql_engine
