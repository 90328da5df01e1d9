// Rows that arrive at random times, each at the rate of its weight. Efraimidis, Spirakis, "Weighted random
// sampling with a reservoir", Information Processing Letters 97, 2006: the order of the arrivals is that of
// successive draws without replacement.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace tql_engine {

/// A time as an integer that orders like it: the bits of a double with an exponent of 12 bits, since times
/// of the smallest and the largest weights have no double in common.
using TimeKey = int64_t;

struct Arrival {
  TimeKey time;
  int64_t row;

  bool operator<(const Arrival& other) const noexcept {
    return time != other.time ? time < other.time : row < other.row;
  }
};

inline constexpr int kMantissaBits = 52;
inline constexpr int64_t kExponentOfOne = 1023;

/// The key of a normal number > 0.
inline TimeKey key_of_time(double time) noexcept {
  return std::bit_cast<int64_t>(time) - (kExponentOfOne << kMantissaBits);
}

/// When a row of this weight, finite and > 0, arrives. `bits` are uniformly random.
inline TimeKey arrival_time(uint64_t bits, double weight) noexcept {
  // In (0, 1), with all 64 bits where it is small: early times decide.
  constexpr double kBelowOne = 1 - std::numeric_limits<double>::epsilon() / 2;
  double u = (static_cast<double>(bits) + 0.5) * 0x1p-64;
  u = u < kBelowOne ? u : kBelowOne;
  // weight = mantissa * 2^exponent, the mantissa in [1, 2).
  constexpr int64_t kMantissa = (int64_t{1} << kMantissaBits) - 1;
  constexpr int kToNormal = 54;
  const bool subnormal = weight < std::numeric_limits<double>::min();
  const auto pattern = std::bit_cast<int64_t>(subnormal ? weight * 0x1p54 : weight);
  const int64_t exponent = (pattern >> kMantissaBits) - (subnormal ? kToNormal : 0);
  const auto mantissa = std::bit_cast<double>((pattern & kMantissa) | kExponentOfOne << kMantissaBits);
  return std::bit_cast<int64_t>(-std::log1p(-u) / mantissa) - exponent * (int64_t{1} << kMantissaBits);
}

}  // namespace tql_engine
