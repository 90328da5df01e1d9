// Products of the rows of a table with one vector, as scores of vectors need them: x . y and x . x in one
// pass.
#pragma once

#include <cstdint>

#include "tql_engine/types.h"

namespace tql_engine {

/// Writes, for each row, x . y and, unless `squares` is null, x . x, of `n` elements each.
///
/// Element i is added to partial sum i mod 16, in double, and the partial sums in a fixed order, whatever the
/// processor; products of elements of up to 32 bits are exact, and those of doubles are rounded before they
/// are added. So every instruction set gives the same result.
using RowProducts = void (*)(const void* const* rows, int64_t count, const double* y, int64_t n,
                             double* products, double* squares) noexcept;

/// Null for elements without such a loop, that are converted to double first.
RowProducts row_products(Element element) noexcept;

/// Variants that need AVX-512; null on other processors' builds.
RowProducts row_products_avx512(Element element) noexcept;

}  // namespace tql_engine
