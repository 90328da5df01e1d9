// Whole spans of random numbers at a time: eight counters side by side where the processor can.
#include "tql_engine/random.h"

#include <algorithm>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tql_engine {
namespace {

/// Blocks first, first + 1, ... of a stream; `fixed` is its counter at block 0.
using FillBlocks = void (*)(PhiloxCounter fixed, PhiloxKey key, uint64_t first, size_t blocks, uint64_t* out);

void fill_blocks(PhiloxCounter fixed, PhiloxKey key, uint64_t first, size_t blocks, uint64_t* out) {
  for (size_t i = 0; i < blocks; ++i, out += 2) {
    const uint64_t index = first + i;
    const PhiloxCounter block = philox4x32(
        {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32) | fixed[1], fixed[2], fixed[3]},
        key);
    out[0] = uint64_t{block[1]} << 32 | block[0];
    out[1] = uint64_t{block[3]} << 32 | block[2];
  }
}

#if defined(__x86_64__)
/// A lane of 64 bits holds one of the four words; what stands above its 32 bits is never looked at.
[[gnu::target("avx2")]] void fill_blocks_avx2(PhiloxCounter fixed, PhiloxKey key, uint64_t first,
                                              size_t blocks, uint64_t* out) {
  constexpr size_t kLanes = 4;
  const auto all = [](uint32_t word) __attribute__((target("avx2"))) { return _mm256_set1_epi64x(word); };
  const __m256i low_half = all(0xFFFFFFFF);
  for (; blocks >= kLanes; blocks -= kLanes, first += kLanes, out += 2 * kLanes) {
    const __m256i index =
        _mm256_add_epi64(_mm256_set1_epi64x(static_cast<int64_t>(first)), _mm256_setr_epi64x(0, 1, 2, 3));
    __m256i c0 = index;
    __m256i c1 = _mm256_or_si256(_mm256_srli_epi64(index, 32), all(fixed[1]));
    __m256i c2 = all(fixed[2]);
    __m256i c3 = all(fixed[3]);
    PhiloxKey round_key = key;
    for (int round = 0; round < 10; ++round) {
      const __m256i product0 = _mm256_mul_epu32(c0, all(kPhiloxMultiplier0));
      const __m256i product1 = _mm256_mul_epu32(c2, all(kPhiloxMultiplier1));
      c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product1, 32), c1), all(round_key[0]));
      c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product0, 32), c3), all(round_key[1]));
      c1 = product1;
      c3 = product0;
      round_key[0] += kPhiloxStep0;
      round_key[1] += kPhiloxStep1;
    }
    const __m256i even = _mm256_or_si256(_mm256_slli_epi64(c1, 32), _mm256_and_si256(c0, low_half));
    const __m256i odd = _mm256_or_si256(_mm256_slli_epi64(c3, 32), _mm256_and_si256(c2, low_half));
    const __m256i low = _mm256_unpacklo_epi64(even, odd);   // blocks 0 and 2
    const __m256i high = _mm256_unpackhi_epi64(even, odd);  // blocks 1 and 3
    auto* const target = reinterpret_cast<__m256i*>(out);
    _mm256_storeu_si256(target, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256(target + 1, _mm256_permute2x128_si256(low, high, 0x31));
  }
  fill_blocks(fixed, key, first, blocks, out);
}

[[gnu::target("avx512f")]] void fill_blocks_avx512(PhiloxCounter fixed, PhiloxKey key, uint64_t first,
                                                   size_t blocks, uint64_t* out) {
  constexpr size_t kLanes = 8;
  constexpr int kXor3 = 0x96;
  const auto all = [](uint32_t word) __attribute__((target("avx512f"))) { return _mm512_set1_epi64(word); };
  const __m512i first_half = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
  const __m512i second_half = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  const __m512i low_half = all(0xFFFFFFFF);
  for (; blocks >= kLanes; blocks -= kLanes, first += kLanes, out += 2 * kLanes) {
    const __m512i index = _mm512_add_epi64(_mm512_set1_epi64(static_cast<int64_t>(first)),
                                           _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
    __m512i c0 = index;
    __m512i c1 = _mm512_or_si512(_mm512_srli_epi64(index, 32), all(fixed[1]));
    __m512i c2 = all(fixed[2]);
    __m512i c3 = all(fixed[3]);
    PhiloxKey round_key = key;
    for (int round = 0; round < 10; ++round) {
      const __m512i product0 = _mm512_mul_epu32(c0, all(kPhiloxMultiplier0));
      const __m512i product1 = _mm512_mul_epu32(c2, all(kPhiloxMultiplier1));
      c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(product1, 32), c1, all(round_key[0]), kXor3);
      c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(product0, 32), c3, all(round_key[1]), kXor3);
      c1 = product1;
      c3 = product0;
      round_key[0] += kPhiloxStep0;
      round_key[1] += kPhiloxStep1;
    }
    const __m512i even = _mm512_or_si512(_mm512_slli_epi64(c1, 32), _mm512_and_si512(c0, low_half));
    const __m512i odd = _mm512_or_si512(_mm512_slli_epi64(c3, 32), _mm512_and_si512(c2, low_half));
    _mm512_storeu_si512(out, _mm512_permutex2var_epi64(even, first_half, odd));
    _mm512_storeu_si512(out + kLanes, _mm512_permutex2var_epi64(even, second_half, odd));
  }
  fill_blocks(fixed, key, first, blocks, out);
}
#endif

FillBlocks choose_fill() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return &fill_blocks_avx512;
  if (__builtin_cpu_supports("avx2")) return &fill_blocks_avx2;
#endif
  return &fill_blocks;
}

}  // namespace

void RandomStream::fill_bits(uint64_t first, std::span<uint64_t> out) const noexcept {
  static const FillBlocks fill = choose_fill();
  if (first % 2 == 1 && !out.empty()) {
    out[0] = bits(first);
    out = out.subspan(1);
    ++first;
  }
  fill(counter(0), key_, first / 2, out.size() / 2, out.data());
  if (out.size() % 2 == 1) out.back() = bits(first + out.size() - 1);
}

void RandomStream::fill_uniform(uint64_t first, std::span<double> out) const noexcept {
  std::array<uint64_t, 512> words;
  for (size_t done = 0; done < out.size(); done += words.size()) {
    const size_t count = std::min(words.size(), out.size() - done);
    fill_bits(first + done, std::span(words).first(count));
    for (size_t i = 0; i < count; ++i) out[done + i] = unit_interval(words[i]);
  }
}

}  // namespace tql_engine
