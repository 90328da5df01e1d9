// What a row's products with several vectors add to the best that are known.
#pragma once

#include <cstdint>

namespace tql_engine {

/// best[q] = max(best[q], products[q] / length), 0 for a row of length 0; NaN beats every number.
[[gnu::always_inline]] inline void keep_best(const double* __restrict products, double length, int64_t count,
                                             double* __restrict best) noexcept {
  const double inverse = length == 0 ? 0 : 1 / length;
  for (int64_t q = 0; q < count; ++q) {
    const double cosine = products[q] * inverse;
    const double known = best[q];
    best[q] = (cosine > known) | (cosine != cosine) ? cosine : known;
  }
}

}  // namespace tql_engine
