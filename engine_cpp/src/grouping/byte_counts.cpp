#include "byte_counts.h"

#include <algorithm>
#include <cstring>

#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kPadding = 64;   // the widest vector
constexpr int64_t kAtATime = 4;    // values that one pass over the bytes looks for
constexpr uint8_t kNoValue = 255;  // beyond every range that is compared

template <int64_t width>
struct Lanes {
  using Bytes [[gnu::vector_size(width)]] = uint8_t;

  static Bytes load(const uint8_t* bytes) noexcept {
    Bytes loaded;
    std::memcpy(&loaded, bytes, sizeof(loaded));
    return loaded;
  }
};

/// A counter of one byte per lane, which sees one byte of `width`.
template <int64_t width>
[[gnu::always_inline]] inline void compare_loop(const uint8_t* bytes, int64_t n, int64_t range,
                                                uint32_t* counts) noexcept {
  using Bytes = typename Lanes<width>::Bytes;
  static_assert(kMostBytes / width <= 255 && kMostBytes % kPadding == 0);
  for (int64_t first = 0; first < range; first += kAtATime) {
    Bytes wanted[kAtATime];
    Bytes found[kAtATime];
    for (int64_t i = 0; i < kAtATime; ++i) {
      wanted[i] = Bytes{} + static_cast<uint8_t>(first + i);
      found[i] = Bytes{};
    }
    for (int64_t at = 0; at < n; at += width) {
      const Bytes some = Lanes<width>::load(bytes + at);
      for (int64_t i = 0; i < kAtATime; ++i) found[i] -= reinterpret_cast<Bytes>(some == wanted[i]);
    }
    for (int64_t i = 0; i < std::min(kAtATime, range - first); ++i) {
      uint8_t lanes[width];
      std::memcpy(lanes, &found[i], width);
      uint32_t total = 0;
      for (const uint8_t lane : lanes) total += lane;
      counts[first + i] += total;
    }
  }
}

void compare_base(const uint8_t* bytes, int64_t n, int64_t range, uint32_t* counts) noexcept {
  compare_loop<16>(bytes, n, range, counts);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void compare_avx2(const uint8_t* bytes, int64_t n, int64_t range,
                                          uint32_t* counts) noexcept {
  compare_loop<32>(bytes, n, range, counts);
}
#endif

}  // namespace

void count_few_bytes(uint8_t* bytes, int64_t n, int64_t range, uint32_t* counts) noexcept {
  const int64_t padded = (n + kPadding - 1) / kPadding * kPadding;
  std::memset(bytes + n, kNoValue, static_cast<size_t>(padded - n));
#if defined(__x86_64__)
  // Comparisons of 64 bytes end in mask registers, from where they are slow to add up.
  if (simd_level() >= SimdLevel::kAvx2) return compare_avx2(bytes, padded, range, counts);
#endif
  compare_base(bytes, padded, range, counts);
}

void count_bytes(const uint8_t* bytes, int64_t n, int64_t range, uint32_t* counts) noexcept {
  int64_t i = 0;
  for (; i + kByteLanes <= n; i += kByteLanes) {
    uint64_t word;
    std::memcpy(&word, bytes + i, sizeof(word));
    for (int64_t lane = 0; lane < kByteLanes; ++lane) ++counts[lane * range + (word >> (8 * lane) & 255)];
  }
  for (; i < n; ++i) ++counts[bytes[i]];
}

}  // namespace tql_engine
