// The inner loop of MAXSIM: products of the rows of a small table with several vectors at once.
#pragma once

#include <cstdint>

#include "tql_engine/types.h"

namespace tql_engine {

/// So many rows are multiplied with one vector after the other, so that neither leaves the cache.
inline constexpr int64_t kProductRows = 16;

/// A table of `rows` rows of `width` elements each, and vectors of as many doubles.
struct ProductTask {
  const void* table;
  int64_t rows;
  int64_t width;
  const double* vectors;  // [count, width]
  int64_t count;
  double* room;  // [kProductRows, count]
};

/// best[q] = max(best[q], x . vectors[q] / |x|) over all rows x, where a row of zeros gives 0 and NaN beats
/// every number. The products have the partial sums of RowProducts, so every instruction set gives the same.
using BestProducts = void (*)(const ProductTask& task, double* best) noexcept;

/// For float32 and float64.
BestProducts best_products(Element element) noexcept;

/// Variants that need AVX-512; null on other processors' builds.
BestProducts best_products_avx512(Element element) noexcept;

}  // namespace tql_engine
