#include "best_products.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "best_of_row.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kSums = 16;
constexpr int64_t kLanes = 4;

using Doubles [[gnu::vector_size(kLanes * sizeof(double))]] = double;
using Parts = std::array<Doubles, kSums / kLanes>;

template <class T>
[[gnu::always_inline]] inline void load(const T* x, Doubles& values) noexcept {
  using Elements [[gnu::vector_size(kLanes * sizeof(T))]] = T;
  Elements elements;
  std::memcpy(&elements, x, sizeof(elements));
  values = __builtin_convertvector(elements, Doubles);
}

[[gnu::always_inline]] inline double total(const Parts& parts) noexcept {
  const Doubles low = parts[0] + parts[2];
  const Doubles high = parts[1] + parts[3];
  return ((low[0] + low[1]) + (low[2] + low[3])) + ((high[0] + high[1]) + (high[2] + high[3]));
}

/// x . y for `at_once` vectors y that lie `width` elements apart.
template <int at_once, class T, class Y>
[[gnu::always_inline]] inline void multiply(const T* x, const Y* y, int64_t width,
                                            double* products) noexcept {
  std::array<Parts, at_once> sums{};
  const int64_t whole = width - width % kSums;
  const auto add = [&sums](const T* left, const Y* right, int64_t apart) [[gnu::always_inline]] {
    for (size_t part = 0; part < kSums / kLanes; ++part) {
      Doubles values;
      load(left + part * kLanes, values);
      for (int64_t i = 0; i < at_once; ++i) {
        Doubles others;
        load(right + i * apart + part * kLanes, others);
        sums[static_cast<size_t>(i)][part] += values * others;
      }
    }
  };
  for (int64_t i = 0; i < whole; i += kSums) add(x + i, y + i, width);
  if (whole < width) {
    const auto rest = static_cast<size_t>(width - whole);
    std::array<T, kSums> last{};
    std::array<Y, kSums * at_once> others{};
    std::memcpy(last.data(), x + whole, rest * sizeof(T));
    for (int64_t i = 0; i < at_once; ++i) {
      std::memcpy(others.data() + i * kSums, y + i * width + whole, rest * sizeof(Y));
    }
    add(last.data(), others.data(), kSums);
  }
  for (size_t i = 0; i < at_once; ++i) products[i] = total(sums[i]);
}

template <class T>
[[gnu::always_inline]] inline void body(const ProductTask& task, double* best) noexcept {
  double squares[kProductRows];
  for (int64_t first = 0; first < task.rows; first += kProductRows) {
    const int64_t rows = std::min(kProductRows, task.rows - first);
    const auto* x = static_cast<const T*>(task.table) + first * task.width;
    for (int64_t row = 0; row < rows; ++row) {
      const T* from = x + row * task.width;
      multiply<1>(from, from, task.width, squares + row);
    }
    for (int64_t q = 0; q < task.count; q += 2) {
      const double* y = task.vectors + q * task.width;
      for (int64_t row = 0; row < rows; ++row) {
        double* products = task.room + row * task.count + q;
        if (q + 1 < task.count) {
          multiply<2>(x + row * task.width, y, task.width, products);
        } else {
          multiply<1>(x + row * task.width, y, task.width, products);
        }
      }
    }
    for (int64_t row = 0; row < rows; ++row) {
      keep_best(task.room + row * task.count, std::sqrt(squares[row]), task.count, best);
    }
  }
}

template <class T>
void best_base(const ProductTask& task, double* best) noexcept {
  body<T>(task, best);
}

#if defined(__x86_64__)
template <class T>
[[gnu::target("avx2")]] void best_avx2(const ProductTask& task, double* best) noexcept {
  body<T>(task, best);
}
#endif

template <class T>
BestProducts choose() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx2) return &best_avx2<T>;
#endif
  return &best_base<T>;
}

}  // namespace

BestProducts best_products(Element element) noexcept {
  if (simd_level() == SimdLevel::kAvx512) {
    if (const BestProducts found = best_products_avx512(element); found != nullptr) return found;
  }
  return element == Element::kFloat32 ? choose<float>() : choose<double>();
}

}  // namespace tql_engine
