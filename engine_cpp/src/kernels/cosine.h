// Sums of products of two vectors, as the cosine of their angle needs them.
#pragma once

#include <cstdint>

namespace tql_engine {

struct CosineSums {
  double product;  // x . y
  double square;   // x . x
};

/// In double, whatever the elements are. For float32, whose products are exact in double, the result is the
/// same with every instruction set.
template <class T>
using CosineLoop = CosineSums (*)(const T* x, const T* y, int64_t n);

CosineLoop<float> cosine_loop_float32() noexcept;
CosineLoop<double> cosine_loop_float64() noexcept;

}  // namespace tql_engine
