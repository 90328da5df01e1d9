// Sixteen partial sums of each kind, so that no addition waits for another one, in vectors as wide as the
// processor has.
#include "cosine.h"

#include <cstring>

#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kLanes = 8;

template <class T>
struct Wide {
  using Vector [[gnu::vector_size(kLanes * sizeof(T))]] = T;
};
using Doubles = Wide<double>::Vector;

template <class T>
[[gnu::always_inline]] inline void add_products(const T* x, const T* y, Doubles& product, Doubles& square) {
  typename Wide<T>::Vector left_elements;
  typename Wide<T>::Vector right_elements;
  std::memcpy(&left_elements, x, sizeof(left_elements));
  std::memcpy(&right_elements, y, sizeof(right_elements));
  const Doubles left = __builtin_convertvector(left_elements, Doubles);
  const Doubles right = __builtin_convertvector(right_elements, Doubles);
  product += left * right;
  square += left * left;
}

[[gnu::always_inline]] inline double total(const Doubles& first, const Doubles& second) {
  const Doubles lanes = first + second;
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

template <class T>
[[gnu::always_inline]] inline CosineSums sums_of(const T* x, const T* y, int64_t n) {
  Doubles product{};
  Doubles square{};
  Doubles other_product{};
  Doubles other_square{};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    add_products(x + i, y + i, product, square);
    add_products(x + i + kLanes, y + i + kLanes, other_product, other_square);
  }
  CosineSums sums{total(product, other_product), total(square, other_square)};
  for (; i < n; ++i) {
    const auto left = static_cast<double>(x[i]);
    sums.product += left * static_cast<double>(y[i]);
    sums.square += left * left;
  }
  return sums;
}

template <class T>
CosineSums sums_base(const T* x, const T* y, int64_t n) {
  return sums_of(x, y, n);
}

#if defined(__x86_64__)
template <class T>
[[gnu::target("avx2,fma")]] CosineSums sums_avx2(const T* x, const T* y, int64_t n) {
  return sums_of(x, y, n);
}

template <class T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma")]] CosineSums sums_avx512(const T* x, const T* y,
                                                                                 int64_t n) {
  return sums_of(x, y, n);
}
#endif

template <class T>
CosineLoop<T> choose() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &sums_avx512<T>;
  if (simd_level() == SimdLevel::kAvx2) return &sums_avx2<T>;
#endif
  return &sums_base<T>;
}

}  // namespace

CosineLoop<float> cosine_loop_float32() noexcept { return choose<float>(); }
CosineLoop<double> cosine_loop_float64() noexcept { return choose<double>(); }

}  // namespace tql_engine
