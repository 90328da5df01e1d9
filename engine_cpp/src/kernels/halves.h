// float16 to float32 in bulk, for loops that do so block by block.
#pragma once

#include <cstdint>

#include "tql_engine/types.h"

namespace tql_engine {

/// out[i] = x[i], of `n` elements.
void widen_halves(const Half* x, int64_t n, float* out) noexcept;

}  // namespace tql_engine
