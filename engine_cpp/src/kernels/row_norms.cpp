#include "row_norms.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "halves.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kLanes = 4;
constexpr int64_t kVectors = kNormParts / kLanes;

using Doubles [[gnu::vector_size(kLanes * sizeof(double))]] = double;
using Words [[gnu::vector_size(kLanes * sizeof(int64_t))]] = int64_t;

constexpr int64_t kMagnitude = std::numeric_limits<int64_t>::max();  // all bits of a double but its sign

template <Norm norm>
[[gnu::always_inline]] inline void add(Doubles& sum, const Doubles& value) noexcept {
  if constexpr (norm == Norm::kL2) {
    sum += value * value;
  } else {
    const Words bits = reinterpret_cast<Words>(value) & kMagnitude;
    if constexpr (norm == Norm::kL1) {
      sum += reinterpret_cast<Doubles>(bits);
    } else {  // without signs the order of the bits is that of the numbers, with NaN behind them
      const Words largest = reinterpret_cast<Words>(sum);
      sum = reinterpret_cast<Doubles>(bits > largest ? bits : largest);
    }
  }
}

/// Whole blocks.
template <Norm norm, bool difference, class T>
[[gnu::always_inline]] inline void add_blocks(const T* x, const double* y, int64_t n,
                                              Doubles* sums) noexcept {
  using Elements [[gnu::vector_size(kLanes * sizeof(T))]] = T;
  for (int64_t i = 0; i < n; i += kNormParts) {
    for (int64_t part = 0; part < kVectors; ++part) {
      const int64_t at = i + part * kLanes;
      Elements elements;
      std::memcpy(&elements, x + at, sizeof(elements));
      Doubles value = __builtin_convertvector(elements, Doubles);
      if constexpr (difference) {
        Doubles other;
        std::memcpy(&other, y + at, sizeof(other));
        value -= other;
      }
      add<norm>(sums[part], value);
    }
  }
}

template <Norm norm, bool difference, class T>
[[gnu::always_inline]] inline void add_all(const T* x, const double* y, int64_t n, Doubles* sums) noexcept {
  const int64_t whole = n - n % kNormParts;
  add_blocks<norm, difference>(x, y, whole, sums);
  if (whole == n) return;
  T last_x[kNormParts] = {};
  double last_y[kNormParts] = {};
  std::copy(x + whole, x + n, last_x);
  if constexpr (difference) std::copy(y + whole, y + n, last_y);
  add_blocks<norm, difference>(last_x, last_y, kNormParts, sums);
}

template <Norm norm, bool difference, class T>
[[gnu::always_inline]] inline double body(const T* x, const double* y, int64_t n) noexcept {
  Doubles sums[kVectors] = {};
  if constexpr (std::is_same_v<T, Half>) {
    constexpr int64_t kWidened = 32 * kNormParts;
    std::array<float, kWidened> widened;
    for (int64_t done = 0; done < n; done += kWidened) {
      const int64_t count = std::min(kWidened, n - done);
      widen_halves(x + done, count, widened.data());
      add_all<norm, difference>(widened.data(), y + (difference ? done : 0), count, sums);
    }
  } else {
    add_all<norm, difference>(x, y, n, sums);
  }
  double parts[kNormParts];
  std::memcpy(&parts, &sums, sizeof(parts));
  return norm_of(norm, parts);
}

template <Norm norm, class T>
double norm_base(const void* x, const double* y, int64_t n) noexcept {
  if (y == nullptr) return body<norm, false>(static_cast<const T*>(x), y, n);
  return body<norm, true>(static_cast<const T*>(x), y, n);
}

#if defined(__x86_64__)
template <Norm norm, class T>
[[gnu::target("avx2")]] double norm_avx2(const void* x, const double* y, int64_t n) noexcept {
  if (y == nullptr) return body<norm, false>(static_cast<const T*>(x), y, n);
  return body<norm, true>(static_cast<const T*>(x), y, n);
}
#endif

template <Norm norm, class T>
RowNorm choose() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &norm_avx2<norm, T>;
#endif
  return &norm_base<norm, T>;
}

template <Norm norm>
RowNorm choose_element(Element element) noexcept {
  if (element == Element::kFloat16) return choose<norm, Half>();
  return element == Element::kFloat32 ? choose<norm, float>() : choose<norm, double>();
}

}  // namespace

RowNorm row_norm(Norm norm, Element element) noexcept {
  if (simd_level() == SimdLevel::kAvx512) {
    if (const RowNorm found = row_norm_avx512(norm, element); found != nullptr) return found;
  }
  switch (norm) {
    case Norm::kL1:
      return choose_element<Norm::kL1>(element);
    case Norm::kL2:
      return choose_element<Norm::kL2>(element);
    case Norm::kLinf:
      return choose_element<Norm::kLinf>(element);
  }
  return nullptr;
}

double norm_of(Norm norm, double (&parts)[kNormParts]) noexcept {
  if (norm == Norm::kLinf) {
    int64_t largest = 0;
    for (const double part : parts) largest = std::max(largest, std::bit_cast<int64_t>(part));
    parts[0] = std::bit_cast<double>(largest);
  } else {
    for (int64_t half = kNormParts / 2; half > 0; half /= 2) {
      for (int64_t i = 0; i < half; ++i) parts[i] += parts[i + half];
    }
  }
  const double result = norm == Norm::kL2 ? std::sqrt(parts[0]) : parts[0];
  return std::isnan(result) ? std::numeric_limits<double>::quiet_NaN() : result;
}

}  // namespace tql_engine
