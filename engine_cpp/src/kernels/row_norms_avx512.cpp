#include "avx512_lanes.h"
#include "row_norms.h"

namespace tql_engine {

#if defined(__x86_64__)
namespace {

template <Norm norm>
TQL_AVX512 __m512d add(__m512d sum, __m512d value) {
  if constexpr (norm == Norm::kL2) {
    return _mm512_add_pd(sum, _mm512_mul_pd(value, value));
  } else {
    const __m512i magnitude = _mm512_set1_epi64(0x7fffffffffffffff);
    const __m512i bits = _mm512_and_si512(_mm512_castpd_si512(value), magnitude);
    if constexpr (norm == Norm::kL1) {
      return _mm512_add_pd(sum, _mm512_castsi512_pd(bits));
    } else {  // without signs the order of the bits is that of the numbers, with NaN behind them
      return _mm512_castsi512_pd(_mm512_maskz_max_epi64(kAll, bits, _mm512_castpd_si512(sum)));
    }
  }
}

template <Norm norm, Element E, bool difference>
TQL_AVX512 double body(const typename Eight<E>::Stored* x, const double* y, int64_t n) {
  using Load = Eight<E>;
  const int64_t whole = n - n % kSums;
  __m512d low = _mm512_setzero_pd();
  __m512d high = _mm512_setzero_pd();
  for (int64_t i = 0; i < whole; i += kSums) {
    __m512d first = Load::load(x + i);
    __m512d second = Load::load(x + i + kLanes);
    if constexpr (difference) {
      first = _mm512_sub_pd(first, _mm512_loadu_pd(y + i));
      second = _mm512_sub_pd(second, _mm512_loadu_pd(y + i + kLanes));
    }
    low = add<norm>(low, first);
    high = add<norm>(high, second);
  }
  if (whole < n) {
    const auto rest = static_cast<unsigned>((1U << (n - whole)) - 1);
    const auto low_mask = static_cast<__mmask8>(rest & 0xff);
    const auto high_mask = static_cast<__mmask8>(rest >> kLanes);
    __m512d first = Load::load(x + whole, low_mask);
    __m512d second = Load::load(x + whole + kLanes, high_mask);
    if constexpr (difference) {
      first = _mm512_sub_pd(first, _mm512_maskz_loadu_pd(low_mask, y + whole));
      second = _mm512_sub_pd(second, _mm512_maskz_loadu_pd(high_mask, y + whole + kLanes));
    }
    low = add<norm>(low, first);
    high = add<norm>(high, second);
  }
  double parts[kNormParts];
  _mm512_storeu_pd(parts, low);
  _mm512_storeu_pd(parts + kLanes, high);
  return norm_of(norm, parts);
}

template <Norm norm, Element E>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma")]] double norm_of_row(const void* x, const double* y,
                                                                             int64_t n) noexcept {
  const auto* values = static_cast<const typename Eight<E>::Stored*>(x);
  return y == nullptr ? body<norm, E, false>(values, y, n) : body<norm, E, true>(values, y, n);
}

template <Norm norm>
RowNorm choose(Element element) noexcept {
  if (element == Element::kFloat16) return &norm_of_row<norm, Element::kFloat16>;
  if (element == Element::kFloat32) return &norm_of_row<norm, Element::kFloat32>;
  return &norm_of_row<norm, Element::kFloat64>;
}

}  // namespace

RowNorm row_norm_avx512(Norm norm, Element element) noexcept {
  switch (norm) {
    case Norm::kL1:
      return choose<Norm::kL1>(element);
    case Norm::kL2:
      return choose<Norm::kL2>(element);
    case Norm::kLinf:
      return choose<Norm::kLinf>(element);
  }
  return nullptr;
}

#else

RowNorm row_norm_avx512(Norm, Element) noexcept { return nullptr; }

#endif

}  // namespace tql_engine
