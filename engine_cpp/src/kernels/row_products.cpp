#include "row_products.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "halves.h"
#include "tql_engine/loops.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kSums = 16;
constexpr int64_t kLanes = 4;

using Doubles [[gnu::vector_size(kLanes * sizeof(double))]] = double;
using Parts = std::array<Doubles, kSums / kLanes>;

template <class T>
[[gnu::always_inline]] inline Doubles load(const T* x) noexcept {
  using Elements [[gnu::vector_size(kLanes * sizeof(T))]] = T;
  Elements elements;
  std::memcpy(&elements, x, sizeof(elements));
  return __builtin_convertvector(elements, Doubles);
}

template <bool squared, class T>
[[gnu::always_inline]] inline void add_block(const T* x, const double* y, Parts& product, Parts& square) {
  for (size_t part = 0; part < product.size(); ++part) {
    const Doubles left = load(x + part * kLanes);
    product[part] += left * load(y + part * kLanes);
    if constexpr (squared) square[part] += left * left;
  }
}

[[gnu::always_inline]] inline double total(const Parts& parts) noexcept {
  const Doubles low = parts[0] + parts[2];
  const Doubles high = parts[1] + parts[3];
  return ((low[0] + low[1]) + (low[2] + low[3])) + ((high[0] + high[1]) + (high[2] + high[3]));
}

/// Whole blocks.
template <bool squared, class T>
[[gnu::always_inline]] inline void add_blocks(const T* x, const double* y, int64_t n, Parts& product,
                                              Parts& square) {
  if constexpr (std::is_same_v<T, Half>) {
    constexpr int64_t kWidened = 32 * kSums;
    std::array<float, kWidened> widened;
    for (int64_t done = 0; done < n; done += kWidened) {
      const int64_t count = std::min(kWidened, n - done);
      widen_halves(x + done, count, widened.data());
      add_blocks<squared>(widened.data(), y + done, count, product, square);
    }
  } else {
    for (int64_t i = 0; i < n; i += kSums) add_block<squared>(x + i, y + i, product, square);
  }
}

template <bool squared, class T>
[[gnu::always_inline]] inline void body(const void* const* rows, int64_t count, const double* y, int64_t n,
                                        double* products, double* squares) noexcept {
  const int64_t whole = n - n % kSums;
  std::array<double, kSums> last_y{};
  std::copy(y + whole, y + n, last_y.begin());
  for (int64_t row = 0; row < count; ++row) {
    const T* x = static_cast<const T*>(rows[row]);
    Parts product{};
    Parts square{};
    add_blocks<squared>(x, y, whole, product, square);
    if (whole < n) {
      std::array<T, kSums> last_x{};
      std::copy(x + whole, x + n, last_x.begin());
      add_blocks<squared>(last_x.data(), last_y.data(), kSums, product, square);
    }
    products[row] = total(product);
    if constexpr (squared) squares[row] = total(square);
  }
}

template <class T>
void products_base(const void* const* rows, int64_t count, const double* y, int64_t n, double* products,
                   double* squares) noexcept {
  if (squares != nullptr) {
    body<true, T>(rows, count, y, n, products, squares);
  } else {
    body<false, T>(rows, count, y, n, products, squares);
  }
}

#if defined(__x86_64__)
template <class T>
[[gnu::target("avx2")]] void products_avx2(const void* const* rows, int64_t count, const double* y, int64_t n,
                                           double* products, double* squares) noexcept {
  if (squares != nullptr) {
    body<true, T>(rows, count, y, n, products, squares);
  } else {
    body<false, T>(rows, count, y, n, products, squares);
  }
}
#endif

template <class T>
RowProducts choose() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx2) return &products_avx2<T>;
#endif
  return &products_base<T>;
}

}  // namespace

RowProducts row_products(Element element) noexcept {
  if (simd_level() == SimdLevel::kAvx512) {
    if (const RowProducts found = row_products_avx512(element); found != nullptr) return found;
  }
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return choose<uint8_t>();
    case Element::kInt8:
      return choose<int8_t>();
    case Element::kFloat16:
      return choose<Half>();
    case Element::kFloat32:
      return choose<float>();
    case Element::kFloat64:
      return choose<double>();
    default:
      return nullptr;
  }
}

}  // namespace tql_engine
