// The numbers of the bits that are set are moved together in a register as bytes, of 64 bits at a time
// (AVX-512 with VBMI2) or of eight; they are widened to row numbers and stored in whole registers, of which
// the next ones overwrite what was too much. Near the end of the output, bit by bit.
#include "expand.h"

#include <array>
#include <bit>

#include "tql_engine/intrinsics.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;

size_t expand_base(std::span<const uint64_t> words, int64_t base, std::span<int64_t> out) noexcept {
  size_t done = 0;
  for (uint64_t word : words) {
    if (done == out.size()) break;
    for (; word != 0 && done < out.size(); word &= word - 1) out[done++] = base + std::countr_zero(word);
    base += kWordBits;
  }
  return done;
}

int64_t count_base(std::span<const uint64_t> words) noexcept {
  int64_t bits = 0;
  for (const uint64_t word : words) bits += std::popcount(word);
  return bits;
}

#if defined(__x86_64__)
/// How many of the words can be expanded with whole words of output to spare.
size_t safe_words(size_t words, size_t out) noexcept {
  const size_t fit = out / kWordBits;  // each word gives 64 rows at most, and its last store stays among them
  return fit < words ? fit : words;
}

/// By `expand` as long as all rows of a word fit, the others bit by bit.
template <class Expand>
[[gnu::always_inline]] inline size_t expand_all(std::span<const uint64_t> words, int64_t base,
                                                std::span<int64_t> out, const Expand& expand) noexcept {
  size_t done = 0;
  while (!words.empty()) {
    const size_t safe = safe_words(words.size(), out.size() - done);
    if (safe == 0) break;
    for (const uint64_t word : words.first(safe)) {
      expand(word, base, out.data() + done);
      done += static_cast<size_t>(__builtin_popcountll(word));
      base += kWordBits;
    }
    words = words.subspan(safe);
  }
  return done + expand_base(words, base, out.subspan(done));
}

/// For each byte the numbers of its bits that are set.
constexpr auto kBitsOfByte = [] {
  std::array<std::array<uint8_t, 8>, 256> bits{};
  for (size_t byte = 0; byte < bits.size(); ++byte) {
    size_t count = 0;
    for (uint8_t bit = 0; bit < 8; ++bit) {
      if ((byte >> bit & 1) != 0) bits[byte][count++] = bit;
    }
  }
  return bits;
}();

struct ExpandAvx2 {
  [[gnu::target("avx2,popcnt")]] void operator()(uint64_t word, int64_t base, int64_t* out) const noexcept {
    for (int byte = 0; byte < 8; ++byte, word >>= 8, base += 8) {
      const auto& bits = kBitsOfByte[word & 0xFF];
      const __m128i numbers = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bits.data()));
      const __m256i start = _mm256_set1_epi64x(base);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                          _mm256_add_epi64(start, _mm256_cvtepu8_epi64(numbers)));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 4),
                          _mm256_add_epi64(start, _mm256_cvtepu8_epi64(_mm_srli_si128(numbers, 4))));
      out += __builtin_popcountll(word & 0xFF);
    }
  }
};

#define TQL_VBMI2 "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi2,popcnt"

struct ExpandVbmi2 {
  [[gnu::target(TQL_VBMI2)]] void operator()(uint64_t word, int64_t base, int64_t* out) const noexcept {
    alignas(64) static constexpr auto kBits = [] {
      std::array<uint8_t, kWordBits> bits{};
      for (size_t bit = 0; bit < bits.size(); ++bit) bits[bit] = static_cast<uint8_t>(bit);
      return bits;
    }();
    const auto rows = __builtin_popcountll(word);
    const __m512i numbers = _mm512_maskz_compress_epi8(word, _mm512_load_si512(kBits.data()));
    const __m512i start = _mm512_set1_epi64(base);
    store(_mm512_castsi512_si128(numbers), start, out);
    if (rows <= 16) return;
    store(_mm512_extracti32x4_epi32(numbers, 1), start, out + 16);
    if (rows <= 32) return;
    store(_mm512_extracti32x4_epi32(numbers, 2), start, out + 32);
    if (rows <= 48) return;
    store(_mm512_extracti32x4_epi32(numbers, 3), start, out + 48);
  }

 private:
  [[gnu::target(TQL_VBMI2)]] static void store(__m128i numbers, __m512i start, int64_t* out) noexcept {
    _mm512_storeu_si512(out, _mm512_add_epi64(start, _mm512_cvtepu8_epi64(numbers)));
    _mm512_storeu_si512(out + 8, _mm512_add_epi64(start, _mm512_cvtepu8_epi64(_mm_srli_si128(numbers, 8))));
  }
};

[[gnu::target("avx2,popcnt")]] size_t expand_avx2(std::span<const uint64_t> words, int64_t base,
                                                  std::span<int64_t> out) noexcept {
  return expand_all(words, base, out, ExpandAvx2());
}

[[gnu::target(TQL_VBMI2)]] size_t expand_vbmi2(std::span<const uint64_t> words, int64_t base,
                                               std::span<int64_t> out) noexcept {
  return expand_all(words, base, out, ExpandVbmi2());
}

[[gnu::target("popcnt")]] int64_t count_popcnt(std::span<const uint64_t> words) noexcept {
  int64_t bits = 0;
  for (const uint64_t word : words) bits += __builtin_popcountll(word);
  return bits;
}
#endif

auto choose_expand() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512 && __builtin_cpu_supports("avx512vbmi2")) return &expand_vbmi2;
  if (simd_level() >= SimdLevel::kAvx2) return &expand_avx2;
#endif
  return &expand_base;
}

auto choose_count() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &count_popcnt;
#endif
  return &count_base;
}

}  // namespace

size_t expand_bits(std::span<const uint64_t> words, int64_t base, std::span<int64_t> out) noexcept {
  static const auto expand = choose_expand();
  return expand(words, base, out);
}

int64_t count_bits(std::span<const uint64_t> words) noexcept {
  static const auto count = choose_count();
  return count(words);
}

}  // namespace tql_engine
