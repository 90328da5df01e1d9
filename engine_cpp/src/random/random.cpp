// Whole spans of random numbers at a time: as many counters side by side as the processor's vectors hold.
#include "tql_engine/random.h"

#include <algorithm>
#include <cstddef>

#include "tql_engine/intrinsics.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

/// The counter of block 0, to which the number of a block is added.
struct Counters {
  PhiloxCounter fixed;
  PhiloxKey key;

  PhiloxCounter block(uint64_t index) const noexcept {
    return philox4x32(
        {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32) | fixed[1], fixed[2], fixed[3]},
        key);
  }
};

/// Both words of blocks first, first + 1, ...
using FillBlocks = void (*)(const Counters& counters, uint64_t first, size_t blocks, uint64_t* out);
/// The first word of each of these blocks.
using PickBlocks = void (*)(const Counters& counters, const uint64_t* blocks, size_t count, uint64_t* out);

void fill_blocks(const Counters& counters, uint64_t first, size_t blocks, uint64_t* out) {
  for (size_t i = 0; i < blocks; ++i, out += 2) {
    const PhiloxCounter block = counters.block(first + i);
    out[0] = uint64_t{block[1]} << 32 | block[0];
    out[1] = uint64_t{block[3]} << 32 | block[2];
  }
}

void pick_blocks(const Counters& counters, const uint64_t* blocks, size_t count, uint64_t* out) {
  for (size_t i = 0; i < count; ++i) {
    const PhiloxCounter block = counters.block(blocks[i]);
    out[i] = uint64_t{block[1]} << 32 | block[0];
  }
}

#if defined(__x86_64__)
// A lane of 64 bits holds one of the four words of a block; what stands above its 32 bits is never looked at.

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i all_256(uint32_t word) {
  return _mm256_set1_epi64x(word);
}

struct Words256 {
  __m256i even;  // first word of each block
  __m256i odd;
};

[[gnu::target("avx2"), gnu::always_inline]] inline Words256 blocks_avx2(const Counters& counters,
                                                                        __m256i index) {
  const __m256i low_half = all_256(0xFFFFFFFF);
  __m256i c0 = index;
  __m256i c1 = _mm256_or_si256(_mm256_srli_epi64(index, 32), all_256(counters.fixed[1]));
  __m256i c2 = all_256(counters.fixed[2]);
  __m256i c3 = all_256(counters.fixed[3]);
  PhiloxKey round_key = counters.key;
  for (int round = 0; round < 10; ++round) {
    const __m256i product0 = _mm256_mul_epu32(c0, all_256(kPhiloxMultiplier0));
    const __m256i product1 = _mm256_mul_epu32(c2, all_256(kPhiloxMultiplier1));
    c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product1, 32), c1), all_256(round_key[0]));
    c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product0, 32), c3), all_256(round_key[1]));
    c1 = product1;
    c3 = product0;
    round_key[0] += kPhiloxStep0;
    round_key[1] += kPhiloxStep1;
  }
  return {_mm256_or_si256(_mm256_slli_epi64(c1, 32), _mm256_and_si256(c0, low_half)),
          _mm256_or_si256(_mm256_slli_epi64(c3, 32), _mm256_and_si256(c2, low_half))};
}

[[gnu::target("avx2")]] void fill_blocks_avx2(const Counters& counters, uint64_t first, size_t blocks,
                                              uint64_t* out) {
  constexpr size_t kLanes = 4;
  for (; blocks >= kLanes; blocks -= kLanes, first += kLanes, out += 2 * kLanes) {
    const auto [even, odd] = blocks_avx2(
        counters,
        _mm256_add_epi64(_mm256_set1_epi64x(static_cast<int64_t>(first)), _mm256_setr_epi64x(0, 1, 2, 3)));
    const __m256i low = _mm256_unpacklo_epi64(even, odd);   // blocks 0 and 2
    const __m256i high = _mm256_unpackhi_epi64(even, odd);  // blocks 1 and 3
    auto* const target = reinterpret_cast<__m256i*>(out);
    _mm256_storeu_si256(target, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256(target + 1, _mm256_permute2x128_si256(low, high, 0x31));
  }
  fill_blocks(counters, first, blocks, out);
}

[[gnu::target("avx2")]] void pick_blocks_avx2(const Counters& counters, const uint64_t* blocks, size_t count,
                                              uint64_t* out) {
  constexpr size_t kLanes = 4;
  for (; count >= kLanes; count -= kLanes, blocks += kLanes, out += kLanes) {
    const __m256i index = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(blocks));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), blocks_avx2(counters, index).even);
  }
  pick_blocks(counters, blocks, count, out);
}

[[gnu::target("avx512f"), gnu::always_inline]] inline __m512i all_512(uint32_t word) {
  return _mm512_set1_epi64(word);
}

struct Words512 {
  __m512i even;  // first word of each block
  __m512i odd;
};

[[gnu::target("avx512f"), gnu::always_inline]] inline Words512 blocks_avx512(const Counters& counters,
                                                                             __m512i index) {
  constexpr int kXor3 = 0x96;
  const __m512i low_half = all_512(0xFFFFFFFF);
  __m512i c0 = index;
  __m512i c1 = _mm512_or_si512(_mm512_srli_epi64(index, 32), all_512(counters.fixed[1]));
  __m512i c2 = all_512(counters.fixed[2]);
  __m512i c3 = all_512(counters.fixed[3]);
  PhiloxKey round_key = counters.key;
  for (int round = 0; round < 10; ++round) {
    const __m512i product0 = _mm512_mul_epu32(c0, all_512(kPhiloxMultiplier0));
    const __m512i product1 = _mm512_mul_epu32(c2, all_512(kPhiloxMultiplier1));
    c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(product1, 32), c1, all_512(round_key[0]), kXor3);
    c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(product0, 32), c3, all_512(round_key[1]), kXor3);
    c1 = product1;
    c3 = product0;
    round_key[0] += kPhiloxStep0;
    round_key[1] += kPhiloxStep1;
  }
  return {_mm512_or_si512(_mm512_slli_epi64(c1, 32), _mm512_and_si512(c0, low_half)),
          _mm512_or_si512(_mm512_slli_epi64(c3, 32), _mm512_and_si512(c2, low_half))};
}

[[gnu::target("avx512f")]] void fill_blocks_avx512(const Counters& counters, uint64_t first, size_t blocks,
                                                   uint64_t* out) {
  constexpr size_t kLanes = 8;
  const __m512i first_half = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
  const __m512i second_half = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  for (; blocks >= kLanes; blocks -= kLanes, first += kLanes, out += 2 * kLanes) {
    const auto [even, odd] =
        blocks_avx512(counters, _mm512_add_epi64(_mm512_set1_epi64(static_cast<int64_t>(first)),
                                                 _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)));
    _mm512_storeu_si512(out, _mm512_permutex2var_epi64(even, first_half, odd));
    _mm512_storeu_si512(out + kLanes, _mm512_permutex2var_epi64(even, second_half, odd));
  }
  fill_blocks(counters, first, blocks, out);
}

[[gnu::target("avx512f")]] void pick_blocks_avx512(const Counters& counters, const uint64_t* blocks,
                                                   size_t count, uint64_t* out) {
  constexpr size_t kLanes = 8;
  for (; count >= kLanes; count -= kLanes, blocks += kLanes, out += kLanes) {
    _mm512_storeu_si512(out, blocks_avx512(counters, _mm512_loadu_si512(blocks)).even);
  }
  pick_blocks(counters, blocks, count, out);
}
#endif

FillBlocks choose_fill() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &fill_blocks_avx512;
  if (simd_level() == SimdLevel::kAvx2) return &fill_blocks_avx2;
#endif
  return &fill_blocks;
}

PickBlocks choose_pick() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &pick_blocks_avx512;
  if (simd_level() == SimdLevel::kAvx2) return &pick_blocks_avx2;
#endif
  return &pick_blocks;
}

}  // namespace

void RandomStream::fill_bits(uint64_t first, std::span<uint64_t> out) const noexcept {
  static const FillBlocks fill = choose_fill();
  if (first % 2 == 1 && !out.empty()) {
    out[0] = bits(first);
    out = out.subspan(1);
    ++first;
  }
  fill({counter(0), key_}, first / 2, out.size() / 2, out.data());
  if (out.size() % 2 == 1) out.back() = bits(first + out.size() - 1);
}

void RandomStream::first_words(std::span<const uint64_t> blocks, std::span<uint64_t> out) const noexcept {
  static const PickBlocks pick = choose_pick();
  pick({counter(0), key_}, blocks.data(), blocks.size(), out.data());
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
