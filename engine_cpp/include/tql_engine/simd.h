// Which vector instructions the loops may use: found out once, at run time.
#pragma once

#include <cstdint>

namespace tql_engine {

enum class SimdLevel : uint8_t { kBase, kAvx2, kAvx512 };

/// The widest level that this processor has, or a narrower one that the environment variable TQL_SIMD names
/// ("base", "avx2"), so that tests reach every loop.
SimdLevel simd_level() noexcept;

}  // namespace tql_engine
