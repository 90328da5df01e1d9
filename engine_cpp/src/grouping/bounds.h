// The smallest and the largest of some numbers.
#pragma once

#include <cstdint>

#include "tql_engine/simd.h"

namespace tql_engine {

template <class T>
struct Bounds {
  T low;
  T high;
};

template <class T>
[[gnu::always_inline]] inline Bounds<T> bounds_loop(const T* values, int64_t n) noexcept {
  T low = values[0];
  T high = values[0];
  for (int64_t i = 0; i < n; ++i) {
    low = values[i] < low ? values[i] : low;
    high = high < values[i] ? values[i] : high;
  }
  return {low, high};
}

#if defined(__x86_64__)
template <class T>
[[gnu::target("avx2")]] Bounds<T> bounds_avx2(const T* values, int64_t n) noexcept {
  return bounds_loop(values, n);
}
#endif

/// Of n > 0 integers.
template <class T>
Bounds<T> bounds_of(const T* values, int64_t n) noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return bounds_avx2(values, n);
#endif
  return bounds_loop(values, n);
}

}  // namespace tql_engine
