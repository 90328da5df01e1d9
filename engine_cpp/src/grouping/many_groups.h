// Many groups: rows are distributed by the hash of their keys over parts, each part numbers its groups with a
// table that fits into a cache, and the groups of all parts are put into one order by their first rows.
#pragma once

#include "key_codes.h"
#include "tql_engine/grouping.h"

namespace tql_engine {

/// There is at least one row.
Groups many_groups(Execution& execution, const KeyCodes& codes, int64_t rows, GroupWants& wants);

}  // namespace tql_engine
