// Integer operands of any width, read as int64.
#pragma once

#include <cstdint>

#include "tql_engine/types.h"
#include "tql_engine/vector.h"

namespace tql_engine {

/// Reads one integer; what is beyond int64 becomes its largest value, which is out of range for every use.
using IntegerReader = int64_t (*)(const void* value) noexcept;

/// Null for elements that are no integers.
IntegerReader integer_reader(Element element) noexcept;

}  // namespace tql_engine
