// A row arrives by time t if its uniform number u < 1 - exp(-t weight). That is at most x - x^2/2 + x^3/6 for
// x = t weight: no exponential is needed.
#include "arrival_filter.h"

#include <algorithm>

#include "tql_engine/intrinsics.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;
constexpr double kPrefixes = 0x1p16;
constexpr double kCertain = 64;    // times of more expected arrivals don't come up
constexpr double kMargin = 1e-12;  // of rounding, far above it

void early_rows_base(const uint16_t* prefixes, const double* weights, int64_t n, double time,
                     uint64_t* words) noexcept {
  for (int64_t base = 0; base < n; base += kWordBits) {
    uint64_t word = 0;
    for (int64_t i = 0; i < std::min(kWordBits, n - base); ++i) {
      double x = time * weights[base + i];
      x = kCertain < x ? kCertain : x;  // NaN stays NaN
      const double bound = x * (1 + kMargin) * (1 - x * (0.5 - x * (1.0 / 6))) * kPrefixes;
      word |= uint64_t{prefixes[base + i] < bound} << i;
    }
    words[base / kWordBits] = word;
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void early_rows_avx2(const uint16_t* prefixes, const double* weights, int64_t n,
                                                 double time, uint64_t* words) noexcept {
  constexpr int64_t kLanes = 4;
  const int64_t whole = n / kWordBits * kWordBits;
  for (int64_t base = 0; base < whole; base += kWordBits) {
    uint64_t word = 0;
    for (int64_t i = 0; i < kWordBits; i += kLanes) {
      const __m256d x = _mm256_min_pd(
          _mm256_set1_pd(kCertain), _mm256_mul_pd(_mm256_set1_pd(time), _mm256_loadu_pd(weights + base + i)));
      const __m256d inner = _mm256_fnmadd_pd(x, _mm256_set1_pd(1.0 / 6), _mm256_set1_pd(0.5));
      const __m256d bound = _mm256_mul_pd(_mm256_mul_pd(x, _mm256_set1_pd((1 + kMargin) * kPrefixes)),
                                          _mm256_fnmadd_pd(x, inner, _mm256_set1_pd(1)));
      const __m256d prefix = _mm256_cvtepi32_pd(
          _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(prefixes + base + i))));
      word |= static_cast<uint64_t>(_mm256_movemask_pd(_mm256_cmp_pd(prefix, bound, _CMP_LT_OQ))) << i;
    }
    words[base / kWordBits] = word;
  }
  early_rows_base(prefixes + whole, weights + whole, n - whole, time, words + whole / kWordBits);
}

[[gnu::target("avx512f,avx512dq,avx512vl")]] void early_rows_avx512(const uint16_t* prefixes,
                                                                    const double* weights, int64_t n,
                                                                    double time, uint64_t* words) noexcept {
  constexpr int64_t kLanes = 8;
  const int64_t whole = n / kWordBits * kWordBits;
  for (int64_t base = 0; base < whole; base += kWordBits) {
    uint64_t word = 0;
    for (int64_t i = 0; i < kWordBits; i += kLanes) {
      const __m512d x = _mm512_min_pd(
          _mm512_set1_pd(kCertain), _mm512_mul_pd(_mm512_set1_pd(time), _mm512_loadu_pd(weights + base + i)));
      const __m512d inner = _mm512_fnmadd_pd(x, _mm512_set1_pd(1.0 / 6), _mm512_set1_pd(0.5));
      const __m512d bound = _mm512_mul_pd(_mm512_mul_pd(x, _mm512_set1_pd((1 + kMargin) * kPrefixes)),
                                          _mm512_fnmadd_pd(x, inner, _mm512_set1_pd(1)));
      const __m512d prefix = _mm512_cvtepi32_pd(
          _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(prefixes + base + i))));
      word |= uint64_t{_mm512_cmp_pd_mask(prefix, bound, _CMP_LT_OQ)} << i;
    }
    words[base / kWordBits] = word;
  }
  early_rows_base(prefixes + whole, weights + whole, n - whole, time, words + whole / kWordBits);
}
#endif

}  // namespace

EarlyRows early_rows() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &early_rows_avx512;
  if (simd_level() == SimdLevel::kAvx2 && __builtin_cpu_supports("fma")) return &early_rows_avx2;
#endif
  return &early_rows_base;
}

}  // namespace tql_engine
