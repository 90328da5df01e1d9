// What stands between the brackets of a subscript: indices and slices by the rules of Python.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tql_engine/value.h"

namespace tql_engine {

inline constexpr int kAbsent = -1;

/// One item between the brackets; numbers are arguments of the instruction, kAbsent where not given.
struct SubscriptItem {
  bool is_index;
  int start;  // of an index: its position
  int stop;
  int step;
};

/// `{"index": true}` or `{"slice": [...]}`; takes arguments from `next` on.
SubscriptItem parse_subscript_item(const Dict& item, int& next);

struct SliceRange {
  int64_t start;
  int64_t length;
};

/// What `start:stop:step` selects of `extent` elements. Absent bounds are null. `step` is neither 0 nor the
/// smallest integer.
SliceRange clip_slice(const int64_t* start, const int64_t* stop, int64_t step, int64_t extent) noexcept;

}  // namespace tql_engine
