#include "halves.h"

#include "tql_engine/intrinsics.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

using Widen = void (*)(const Half* x, int64_t n, float* out) noexcept;

void widen_base(const Half* x, int64_t n, float* out) noexcept {
  for (int64_t i = 0; i < n; ++i) out[i] = half_to_float(x[i]);
}

#if defined(__x86_64__)
constexpr int64_t kLanes = 8;

[[gnu::target("avx2,f16c")]] void widen_f16c(const Half* x, int64_t n, float* out) noexcept {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
  }
  for (; i < n; ++i) out[i] = _cvtsh_ss(x[i].bits);
}
#endif

Widen choose() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2 && __builtin_cpu_supports("f16c")) return &widen_f16c;
#endif
  return &widen_base;
}

}  // namespace

void widen_halves(const Half* x, int64_t n, float* out) noexcept {
  static const Widen widen = choose();
  widen(x, n, out);
}

}  // namespace tql_engine
