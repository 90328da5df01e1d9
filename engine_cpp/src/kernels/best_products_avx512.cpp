// Two rows in the cache with four vectors at a time: sixteen registers of sums keep the multipliers busy.
#include <algorithm>
#include <cmath>

#include "avx512_lanes.h"
#include "best_of_row.h"
#include "best_products.h"

namespace tql_engine {

#if defined(__x86_64__)
namespace {

struct Sums {
  __m512d low;
  __m512d high;
};

/// The totals of four sums side by side, each in the order of `total`.
TQL_AVX512 __m256d totals(const Sums* sums) {
  const __m512d a = _mm512_add_pd(sums[0].low, sums[0].high);
  const __m512d b = _mm512_add_pd(sums[1].low, sums[1].high);
  const __m512d c = _mm512_add_pd(sums[2].low, sums[2].high);
  const __m512d d = _mm512_add_pd(sums[3].low, sums[3].high);
  const __m512d ab =
      _mm512_add_pd(_mm512_maskz_unpacklo_pd(kAll, a, b), _mm512_maskz_unpackhi_pd(kAll, a, b));
  const __m512d cd =
      _mm512_add_pd(_mm512_maskz_unpacklo_pd(kAll, c, d), _mm512_maskz_unpackhi_pd(kAll, c, d));
  constexpr int kEven = 0x88;  // of the parts of 128 bits
  constexpr int kOdd = 0xdd;
  const __m512d quarters = _mm512_add_pd(_mm512_maskz_shuffle_f64x2(kAll, ab, cd, kEven),
                                         _mm512_maskz_shuffle_f64x2(kAll, ab, cd, kOdd));
  const __m512d halves = _mm512_add_pd(_mm512_maskz_shuffle_f64x2(kAll, quarters, quarters, kEven),
                                       _mm512_maskz_shuffle_f64x2(kAll, quarters, quarters, kOdd));
  return _mm512_castpd512_pd256(halves);
}

/// products[r * stride + v] = row r . vector v, and squares[r] of the rows if `squared`.
template <Element E, int rows, int vectors, bool squared>
TQL_AVX512 void multiply(const typename Eight<E>::Stored* x, const double* y, int64_t width, double* products,
                         int64_t stride, double* squares) {
  using Load = Eight<E>;
  constexpr bool kExact = Load::kExactProducts;
  Sums sums[rows][vectors];
  Sums square[rows];
  for (int r = 0; r < rows; ++r) {
    square[r] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
    for (int v = 0; v < vectors; ++v) sums[r][v] = square[r];
  }
  for (int64_t i = 0; i < width; i += kSums) {
    const int64_t left_over = width - i;
    const auto mask = static_cast<unsigned>(left_over >= kSums ? 0xffff : (1U << left_over) - 1);
    const auto low_mask = static_cast<__mmask8>(mask & 0xff);
    const auto high_mask = static_cast<__mmask8>(mask >> kLanes);
    Sums left[rows];
    for (int r = 0; r < rows; ++r) {
      const auto* from = x + r * width + i;
      left[r] = {Load::load(from, low_mask), Load::load(from + kLanes, high_mask)};
      if constexpr (squared) {
        square[r].low = plus_product<kExact>(square[r].low, left[r].low, left[r].low);
        square[r].high = plus_product<kExact>(square[r].high, left[r].high, left[r].high);
      }
    }
    for (int v = 0; v < vectors; ++v) {
      const double* from = y + v * width + i;
      const Sums right = {_mm512_maskz_loadu_pd(low_mask, from),
                          _mm512_maskz_loadu_pd(high_mask, from + kLanes)};
      for (int r = 0; r < rows; ++r) {
        sums[r][v].low = plus_product<kExact>(sums[r][v].low, left[r].low, right.low);
        sums[r][v].high = plus_product<kExact>(sums[r][v].high, left[r].high, right.high);
      }
    }
  }
  for (int r = 0; r < rows; ++r) {
    if constexpr (vectors == 4) {
      _mm256_storeu_pd(products + r * stride, totals(sums[r]));
    } else {
      for (int v = 0; v < vectors; ++v) products[r * stride + v] = total(sums[r][v].low, sums[r][v].high);
    }
    if constexpr (squared) squares[r] = total(square[r].low, square[r].high);
  }
}

/// Some vectors with all rows of a block.
template <Element E, int vectors, bool squared>
TQL_AVX512 void multiply_block(const ProductTask& task, const typename Eight<E>::Stored* x, int64_t rows,
                               int64_t q, double* squares) {
  // The first time the rows come from memory, which two at once would slow down: see row_products_avx512.cpp.
  constexpr int kRows = squared ? 1 : 2;
  const double* y = task.vectors + q * task.width;
  double* products = task.room + q;
  int64_t row = 0;
  for (; row + kRows <= rows; row += kRows) {
    multiply<E, kRows, vectors, squared>(x + row * task.width, y, task.width, products + row * task.count,
                                         task.count, squares + row);
  }
  if (row < rows) {
    multiply<E, 1, vectors, squared>(x + row * task.width, y, task.width, products + row * task.count,
                                     task.count, squares + row);
  }
}

template <Element E>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,fma")]] void best_of(const ProductTask& task,
                                                                       double* best) noexcept {
  constexpr int kVectors = 4;
  double squares[kProductRows];
  for (int64_t first = 0; first < task.rows; first += kProductRows) {
    const int64_t rows = std::min(kProductRows, task.rows - first);
    const auto* x = static_cast<const typename Eight<E>::Stored*>(task.table) + first * task.width;
    int64_t q = task.count % kVectors;
    if (q == 0) {
      multiply_block<E, kVectors, true>(task, x, rows, 0, squares);
      q = kVectors;
    } else {
      multiply_block<E, 1, true>(task, x, rows, 0, squares);
      for (int64_t i = 1; i < q; ++i) multiply_block<E, 1, false>(task, x, rows, i, squares);
    }
    for (; q < task.count; q += kVectors) multiply_block<E, kVectors, false>(task, x, rows, q, squares);
    for (int64_t row = 0; row < rows; ++row) {
      keep_best(task.room + row * task.count, std::sqrt(squares[row]), task.count, best);
    }
  }
}

}  // namespace

BestProducts best_products_avx512(Element element) noexcept {
  return element == Element::kFloat32 ? &best_of<Element::kFloat32> : &best_of<Element::kFloat64>;
}

#else

BestProducts best_products_avx512(Element) noexcept { return nullptr; }

#endif

}  // namespace tql_engine
