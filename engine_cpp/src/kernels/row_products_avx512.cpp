// One row behind the other, in the order in which they lie: reading two rows at once, or asking for the next
// ones by prefetch instructions, takes up to three times as long as what the processor does by itself.
#include "avx512_lanes.h"
#include "row_products.h"
#include "tql_engine/intrinsics.h"

namespace tql_engine {

#if defined(__x86_64__)
namespace {

/// The partial sums of one row.
struct Sums {
  __m512d low_product;
  __m512d high_product;
  __m512d low_square;
  __m512d high_square;
};

template <Element E, bool squared>
TQL_AVX512 void add(Sums& sums, __m512d low, __m512d high, __m512d low_y, __m512d high_y) {
  constexpr bool kExact = Eight<E>::kExactProducts;
  sums.low_product = plus_product<kExact>(sums.low_product, low, low_y);
  sums.high_product = plus_product<kExact>(sums.high_product, high, high_y);
  if constexpr (squared) {
    sums.low_square = plus_product<kExact>(sums.low_square, low, low);
    sums.high_square = plus_product<kExact>(sums.high_square, high, high);
  }
}

template <Element E, bool squared>
TQL_AVX512 void body(const void* const* rows, int64_t count, const double* y, int64_t n, double* products,
                     double* squares) {
  using Load = Eight<E>;
  const int64_t whole = n - n % kSums;
  const auto rest = static_cast<unsigned>((1U << (n - whole)) - 1);
  const auto low = static_cast<__mmask8>(rest & 0xff);
  const auto high = static_cast<__mmask8>(rest >> kLanes);
  for (int64_t row = 0; row < count; ++row) {
    const auto* x = static_cast<const typename Load::Stored*>(rows[row]);
    const __m512d zero = _mm512_setzero_pd();
    Sums sums{zero, zero, zero, zero};
    for (int64_t i = 0; i < whole; i += kSums) {
      add<E, squared>(sums, Load::load(x + i), Load::load(x + i + kLanes), _mm512_loadu_pd(y + i),
                      _mm512_loadu_pd(y + i + kLanes));
    }
    if (whole < n) {
      add<E, squared>(sums, Load::load(x + whole, low), Load::load(x + whole + kLanes, high),
                      _mm512_maskz_loadu_pd(low, y + whole), _mm512_maskz_loadu_pd(high, y + whole + kLanes));
    }
    products[row] = total(sums.low_product, sums.high_product);
    if constexpr (squared) squares[row] = total(sums.low_square, sums.high_square);
  }
}

template <Element E>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma")]] void products_of(const void* const* rows,
                                                                           int64_t count, const double* y,
                                                                           int64_t n, double* products,
                                                                           double* squares) noexcept {
  if (squares != nullptr) {
    body<E, true>(rows, count, y, n, products, squares);
  } else {
    body<E, false>(rows, count, y, n, products, squares);
  }
}

}  // namespace

RowProducts row_products_avx512(Element element) noexcept {
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return &products_of<Element::kUint8>;
    case Element::kInt8:
      return &products_of<Element::kInt8>;
    case Element::kFloat16:
      return &products_of<Element::kFloat16>;
    case Element::kFloat32:
      return &products_of<Element::kFloat32>;
    case Element::kFloat64:
      return &products_of<Element::kFloat64>;
    default:
      return nullptr;
  }
}

#else

RowProducts row_products_avx512(Element) noexcept { return nullptr; }

#endif

}  // namespace tql_engine
