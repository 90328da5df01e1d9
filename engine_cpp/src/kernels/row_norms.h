// Norms of rows of floats, and of their difference to one vector, in one pass.
#pragma once

#include <cstdint>

#include "tql_engine/types.h"

namespace tql_engine {

enum class Norm : uint8_t { kL1, kL2, kLinf };

/// The norm of `n` elements of x or, unless `y` is null, of x - y, all in double.
///
/// Element i goes to partial result i mod 16, and these are put together in a fixed order, so every
/// instruction set gives the same; of NaN there is one.
using RowNorm = double (*)(const void* x, const double* y, int64_t n) noexcept;

/// For float16, float32 and float64.
RowNorm row_norm(Norm norm, Element element) noexcept;

/// Variants that need AVX-512; null on other processors' builds.
RowNorm row_norm_avx512(Norm norm, Element element) noexcept;

inline constexpr int64_t kNormParts = 16;

/// What the partial results come to. Those of kLinf have no sign.
double norm_of(Norm norm, double (&parts)[kNormParts]) noexcept;

}  // namespace tql_engine
