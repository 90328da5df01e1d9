// Counter-based random numbers: number i of a stream is a function of (seed, stream, domain, i) and of
// nothing else, so results don't depend on the number of threads or on the order of evaluation.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace tql_engine {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

inline constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53;
inline constexpr uint32_t kPhiloxMultiplier1 = 0xCD9E8D57;
inline constexpr uint32_t kPhiloxStep0 = 0x9E3779B9;  // of the key from round to round
inline constexpr uint32_t kPhiloxStep1 = 0xBB67AE85;

/// Philox-4x32 with 10 rounds: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
/// 2011.
constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{kPhiloxMultiplier0} * counter[0];
    const uint64_t product1 = uint64_t{kPhiloxMultiplier1} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += kPhiloxStep0;
    key[1] += kPhiloxStep1;
  }
  return counter;
}

/// The upper 53 bits as a number in [0, 1).
constexpr double unit_interval(uint64_t bits) noexcept { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// A sequence of random numbers with direct access. Index i < 2^55.
class RandomStream {
 public:
  /// Streams of one seed are independent of each other, and so are the 256 domains of a stream: the parts of
  /// one algorithm take a domain each.
  constexpr RandomStream(uint64_t seed, uint64_t stream, uint8_t domain = 0) noexcept
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        stream_(stream),
        domain_(domain) {}

  /// Block i: two independent words of 64 bits. Words 2i and 2i + 1 of bits().
  constexpr std::array<uint64_t, 2> block(uint64_t i) const noexcept {
    return words(philox4x32(counter(i), key_));
  }

  constexpr uint64_t bits(uint64_t i) const noexcept { return block(i >> 1)[i & 1]; }

  /// In [0, 1), a multiple of 2^-53.
  constexpr double uniform(uint64_t i) const noexcept { return unit_interval(bits(i)); }

  /// In [0, bound), every value equally likely; `bound` > 0. Uses block i, and what follows from it where
  /// Lemire's multiplication rejects ("Fast random integer generation in an interval", ACM TOMACS 29, 2019).
  constexpr uint64_t bounded(uint64_t i, uint64_t bound) const noexcept {
    PhiloxCounter state = philox4x32(counter(i), key_);
    for (;;) {
      for (const uint64_t word : words(state)) {
        const Product product = multiply(word, bound);
        if (product.low >= bound || product.low >= (0 - bound) % bound) return product.high;
      }
      state = philox4x32(state,
                         key_);  // a rejected block is the counter of the next: still a function of i alone
    }
  }

  /// Words first, first + 1, ... of bits().
  void fill_bits(uint64_t first, std::span<uint64_t> out) const noexcept;
  /// The first word of each of these blocks: out[i] becomes block(blocks[i])[0].
  void first_words(std::span<const uint64_t> blocks, std::span<uint64_t> out) const noexcept;
  /// Numbers first, first + 1, ... of uniform().
  void fill_uniform(uint64_t first, std::span<double> out) const noexcept;

 private:
  struct Product {
    uint64_t high;
    uint64_t low;
  };

  static constexpr Product multiply(uint64_t a, uint64_t b) noexcept {
    const uint64_t a0 = a & 0xFFFFFFFF, a1 = a >> 32, b0 = b & 0xFFFFFFFF, b1 = b >> 32;
    const uint64_t low = a0 * b0;
    const uint64_t middle0 = a1 * b0 + (low >> 32);
    const uint64_t middle1 = a0 * b1 + (middle0 & 0xFFFFFFFF);
    return {a1 * b1 + (middle0 >> 32) + (middle1 >> 32), a * b};
  }

  static constexpr std::array<uint64_t, 2> words(const PhiloxCounter& block) noexcept {
    return {uint64_t{block[1]} << 32 | block[0], uint64_t{block[3]} << 32 | block[2]};
  }

  constexpr PhiloxCounter counter(uint64_t i) const noexcept {
    return {static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32) | uint32_t{domain_} << 24,
            static_cast<uint32_t>(stream_), static_cast<uint32_t>(stream_ >> 32)};
  }

  PhiloxKey key_;
  uint64_t stream_;
  uint8_t domain_;
};

}  // namespace tql_engine
