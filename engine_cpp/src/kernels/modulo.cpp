// Remainders by one divisor go by quotients or products of doubles, many at once; all others one by one, as
// do those of wide numbers where no vectors of 64 bits are multiplied and converted: a division is faster
// there.
#include "modulo.h"

#include <array>
#include <cstdint>
#include <type_traits>

#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

/// Of numbers of 32 bits and less that int32 holds: the quotient of two is never rounded up to a whole
/// number, since it is at least 2^-31 of itself away from the next one. The divisor is neither 0 nor -1.
template <class T>
[[gnu::always_inline]] inline void narrow_body(const T* __restrict left, T divisor, T* __restrict to,
                                               int64_t n) {
  const auto by = static_cast<double>(divisor);
  for (int64_t i = 0; i < n; ++i) {
    const auto quotient = static_cast<int32_t>(static_cast<double>(left[i]) / by);
    to[i] = static_cast<T>(static_cast<int32_t>(left[i]) - quotient * static_cast<int32_t>(divisor));
  }
}

#if defined(__x86_64__)
template <class T>
[[gnu::target("avx2")]] void narrow_avx2(const T* left, T divisor, T* to, int64_t n) {
  narrow_body(left, divisor, to, n);
}

/// Divisors that wide_body works with lie between 1 and this, as does their negative.
constexpr uint64_t kMostWide = uint64_t{1} << 60;

/// Of wider numbers by a positive divisor. A quotient by way of doubles is off by one, or where it is larger
/// than 2^51, by 2^13 at most, and the divisor is small then. So what is left over is a few thousand divisors
/// and fits into int64; after a second quotient it is less than two of them.
template <class T>
[[gnu::always_inline]] inline void wide_body(const T* __restrict left, uint64_t divisor, T* __restrict to,
                                             int64_t n) {
  const auto by = static_cast<int64_t>(divisor);
  const double inverse = 1.0 / static_cast<double>(divisor);
  for (int64_t i = 0; i < n; ++i) {
    const auto first = static_cast<T>(static_cast<double>(left[i]) * inverse);
    auto rest = static_cast<int64_t>(static_cast<uint64_t>(left[i]) - static_cast<uint64_t>(first) * divisor);
    rest -= static_cast<int64_t>(static_cast<double>(rest) * inverse) * by;
    rest = rest >= by ? rest - by : rest;
    rest = rest <= -by ? rest + by : rest;
    const bool is_negative = std::is_signed_v<T> && left[i] < T{0};
    const int64_t upwards = !is_negative && rest < 0 ? by : 0;
    const int64_t downwards = is_negative && rest > 0 ? by : 0;
    to[i] = static_cast<T>(rest + upwards - downwards);
  }
}

template <class T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")]] void wide_avx512(
    const T* left, uint64_t divisor, T* to, int64_t n) {
  wide_body(left, divisor, to, n);
}
#endif

template <class T>
constexpr bool kIsNarrow = sizeof(T) < sizeof(int32_t) || std::is_same_v<T, int32_t>;

/// False where no loop takes this divisor.
template <class T>
bool modulo_by(const T* left, T divisor, T* to, int64_t n) {
  if constexpr (kIsNarrow<T>) {
    if (divisor == 0 || divisor == static_cast<T>(-1)) return false;
#if defined(__x86_64__)
    if (simd_level() >= SimdLevel::kAvx2) {
      narrow_avx2(left, divisor, to, n);
      return true;
    }
#endif
    narrow_body(left, divisor, to, n);
    return true;
  } else {
#if defined(__x86_64__)
    const bool is_negative = std::is_signed_v<T> && divisor < T{0};
    const uint64_t by = is_negative ? uint64_t{0} - static_cast<uint64_t>(divisor) : uint64_t{divisor};
    if (simd_level() == SimdLevel::kAvx512 && by > 1 && by <= kMostWide) {
      wide_avx512(left, by, to, n);
      return true;
    }
#endif
    return false;
  }
}

/// The remainder by -1 is 0 and never computed, since the quotient may overflow.
template <class T>
bool modulo(const void* x, int64_t x_step, const void* y, int64_t y_step, void* out, int64_t n) {
  const T* left = static_cast<const T*>(x);
  const T* right = static_cast<const T*>(y);
  T* to = static_cast<T*>(out);
  if (x_step == 1 && y_step == 0 && n > 0 && modulo_by(left, *right, to, n)) return true;
  bool accepted = true;
  for (int64_t i = 0; i < n; ++i) {
    const T divisor = right[i * y_step];
    accepted &= divisor != 0;
    const bool trivial = divisor == 0 || (std::is_signed_v<T> && divisor == static_cast<T>(-1));
    to[i] = trivial ? T{0} : static_cast<T>(left[i * x_step] % divisor);
  }
  return accepted;
}

constexpr auto kLoops = per_element([]<Element E>() -> BinaryLoop {
  if constexpr (is_integer(E)) {
    return &modulo<Storage<E>>;
  } else {
    return nullptr;
  }
});

}  // namespace

BinaryLoop integer_modulo_loop(Element element) noexcept { return kLoops[static_cast<size_t>(element)]; }

}  // namespace tql_engine
