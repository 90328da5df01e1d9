// Groups of which nothing is asked but the key and the number of rows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tql_engine/column.h"

namespace tql_engine {

class Execution;

/// Groups in order of first appearance.
struct KeyCounts {
  std::vector<int64_t> firsts;  // the first row of each
  std::vector<int64_t> counts;  // its rows
};

/// Groups rows by one key without numbering them; nothing where the key is no integer of a small range, nor a
/// text by such a number.
std::optional<KeyCounts> count_keys(Execution& execution, const Column& key);

}  // namespace tql_engine
