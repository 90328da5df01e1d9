#include "tql_engine/simd.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace tql_engine {
namespace {

SimdLevel processor_level() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return SimdLevel::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt"))
    return SimdLevel::kAvx2;
#endif
  return SimdLevel::kBase;
}

SimdLevel allowed_level() noexcept {
  const char* name = std::getenv("TQL_SIMD");
  if (name == nullptr) return SimdLevel::kAvx512;
  if (std::string_view(name) == "base") return SimdLevel::kBase;
  return std::string_view(name) == "avx2" ? SimdLevel::kAvx2 : SimdLevel::kAvx512;
}

}  // namespace

SimdLevel simd_level() noexcept {
  static const SimdLevel level = std::min(processor_level(), allowed_level());
  return level;
}

}  // namespace tql_engine
