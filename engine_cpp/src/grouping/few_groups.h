// Up to some thousand groups: every thread numbers the groups that it meets in a table of its own, which
// stays in its cache, and adds rows up as it goes. Rows are read once and never moved.
#pragma once

#include <optional>

#include "key_codes.h"
#include "tql_engine/grouping.h"

namespace tql_engine {

inline constexpr int64_t kFewGroups = 1 << 14;

/// Nothing if there are more than kFewGroups. There is at least one row.
std::optional<Groups> few_groups(Execution& execution, const KeyCodes& codes, int64_t rows,
                                 GroupWants& wants);

}  // namespace tql_engine
