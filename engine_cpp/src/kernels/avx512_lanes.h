// Sixteen partial sums in two registers of AVX-512, for the loops that multiply vectors. To be included by
// files that are compiled so that no multiplication and addition is fused unless it says so.
#pragma once

#include "tql_engine/types.h"

#if defined(__x86_64__)
#include "tql_engine/intrinsics.h"

#define TQL_AVX512 [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma"), gnu::always_inline]] static inline

namespace tql_engine {

inline constexpr int64_t kSums = 16;
inline constexpr int64_t kLanes = 8;
inline constexpr __mmask8 kAll =
    0xff;  // a mask keeps GCC 12 from warning of what the plain form leaves undefined

/// How eight elements are loaded, those of the mask alone.
template <Element E>
struct Eight;

template <>
struct Eight<Element::kFloat64> {
  using Stored = double;
  static constexpr bool kExactProducts = false;
  TQL_AVX512 __m512d load(const double* x) { return _mm512_loadu_pd(x); }
  TQL_AVX512 __m512d load(const double* x, __mmask8 mask) { return _mm512_maskz_loadu_pd(mask, x); }
};

template <>
struct Eight<Element::kFloat32> {
  using Stored = float;
  static constexpr bool kExactProducts = true;
  TQL_AVX512 __m512d load(const float* x) { return _mm512_maskz_cvtps_pd(kAll, _mm256_loadu_ps(x)); }
  TQL_AVX512 __m512d load(const float* x, __mmask8 mask) {
    return _mm512_maskz_cvtps_pd(kAll, _mm256_maskz_loadu_ps(mask, x));
  }
};

template <>
struct Eight<Element::kFloat16> {
  using Stored = uint16_t;
  static constexpr bool kExactProducts = true;
  TQL_AVX512 __m512d widen(__m128i halves) {
    return _mm512_maskz_cvtps_pd(
        kAll, _mm512_castps512_ps256(_mm512_maskz_cvtph_ps(0xffff, _mm256_castsi128_si256(halves))));
  }
  TQL_AVX512 __m512d load(const uint16_t* x) {
    return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
  }
  TQL_AVX512 __m512d load(const uint16_t* x, __mmask8 mask) { return widen(_mm_maskz_loadu_epi16(mask, x)); }
};

template <>
struct Eight<Element::kInt8> {
  using Stored = int8_t;
  static constexpr bool kExactProducts = true;
  TQL_AVX512 __m512d load(const int8_t* x) {
    return _mm512_maskz_cvtepi32_pd(
        kAll, _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x))));
  }
  TQL_AVX512 __m512d load(const int8_t* x, __mmask8 mask) {
    return _mm512_maskz_cvtepi32_pd(kAll, _mm256_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, x)));
  }
};

template <>
struct Eight<Element::kUint8> {
  using Stored = uint8_t;
  static constexpr bool kExactProducts = true;
  TQL_AVX512 __m512d load(const uint8_t* x) {
    return _mm512_maskz_cvtepi32_pd(
        kAll, _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x))));
  }
  TQL_AVX512 __m512d load(const uint8_t* x, __mmask8 mask) {
    return _mm512_maskz_cvtepi32_pd(kAll, _mm256_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, x)));
  }
};

template <bool exact>
TQL_AVX512 __m512d plus_product(__m512d sum, __m512d left, __m512d right) {
  if constexpr (exact) {
    return _mm512_fmadd_pd(left, right, sum);
  } else {  // the two stay apart
    return _mm512_add_pd(sum, _mm512_mul_pd(left, right));
  }
}

TQL_AVX512 double total(__m512d first, __m512d second) {
  alignas(64) double lanes[kLanes];
  _mm512_store_pd(lanes, _mm512_add_pd(first, second));
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

}  // namespace tql_engine

#endif
