// Weighted draws without replacement: give each row a waiting time, exponential with its weight as the rate,
// and take the rows in the order of their times. Efraimidis, Spirakis, "Weighted random sampling with a
// reservoir", Information Processing Letters 97, 2006.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "tql_engine/random.h"
#include "tql_engine/sampling.h"
#include "tql_engine/smallest.h"
#include "tql_engine/thread_pool.h"
#include "weights.h"

namespace tql_engine {
namespace {

constexpr uint8_t kDomain = 1;
constexpr int64_t kChunk = 1024;
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

struct Arrival {
  double log_time;
  int64_t row;
};

struct Earlier {
  bool operator()(const Arrival& a, const Arrival& b) const noexcept {
    return a.log_time != b.log_time ? a.log_time < b.log_time : a.row < b.row;
  }
};

/// In (0, 1), with all 64 random bits where it is small: early times decide.
double fraction(uint64_t bits) noexcept {
  constexpr double kBelowOne = 1 - std::numeric_limits<double>::epsilon() / 2;
  return std::min((static_cast<double>(bits) + 0.5) * 0x1p-64, kBelowOne);
}

/// The logarithm of the time, so that the smallest and the largest weights stay within range.
double log_time(double u, double weight) noexcept { return std::log(-std::log1p(-u)) - std::log(weight); }

/// Rows with u > limit * weight are later than `log_time`, since -log1p(-u) >= u: no need for their
/// logarithms.
double limit_for(double log_time) noexcept {
  constexpr double kSmallest = -600;  // below, exp would lose bits
  constexpr double kMargin = 1 + 1e-9;
  return log_time < kSmallest ? kNoLimit : std::exp(log_time) * kMargin;
}

/// A time at which a few more than `wanted` rows have very likely arrived, going by some of the rows. It only
/// spares work: the answer doesn't depend on it. Infinite where nothing can be said.
double likely_time(std::span<const double> weights, int64_t wanted) {
  constexpr size_t kSampled = 1 << 14;
  constexpr int kSteps = 60;
  const size_t step = std::max<size_t>(1, weights.size() / kSampled) | 1;  // odd: rows may come in pairs
  std::vector<double> sampled;                                             // without those of weight 0
  size_t looked_at = 0;
  for (size_t row = step / 2; row < weights.size(); row += step, ++looked_at) {
    if (weights[row] > 0) sampled.push_back(weights[row]);
  }
  const auto rows = static_cast<double>(wanted);
  const double some_more = 1.05 * rows + 6 * std::sqrt(rows) + 64;
  const double share = some_more / static_cast<double>(weights.size()) * static_cast<double>(looked_at);
  if (share < 64 || share > 0.9 * static_cast<double>(sampled.size())) return kNoLimit;
  // Arrivals only grow with time: halve the interval of its logarithm.
  const auto [smallest, largest] = std::minmax_element(sampled.begin(), sampled.end());
  double low = -std::log(*largest) - 40;
  double high = -std::log(*smallest) + 4;
  for (int i = 0; i < kSteps; ++i) {
    const double middle = low + (high - low) / 2;
    const double time = std::exp(middle);
    double arrived = 0;
    for (const double weight : sampled) arrived -= std::expm1(-weight * time);
    (arrived < share ? low : high) = middle;
  }
  return std::exp(high);
}

/// For each row whether u < limit * weight, but for the last bits of u, and never for a weight of 0 or NaN.
[[gnu::always_inline]] inline void test_body(const uint64_t* words, const double* weights, size_t rows,
                                             double limit, uint8_t* hits) noexcept {
  for (size_t i = 0; i < rows; ++i) {
    const double u = static_cast<double>(static_cast<int64_t>(words[i] >> 1)) * 0x1p-63;
    hits[i] = static_cast<uint8_t>(u < limit * weights[i]);
  }
}

using Test = void (*)(const uint64_t*, const double*, size_t, double, uint8_t*) noexcept;

void test_base(const uint64_t* words, const double* weights, size_t rows, double limit,
               uint8_t* hits) noexcept {
  test_body(words, weights, rows, limit, hits);
}

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512dq,avx512vl,avx512bw")]] void test_avx512(const uint64_t* words,
                                                                       const double* weights, size_t rows,
                                                                       double limit, uint8_t* hits) noexcept {
  test_body(words, weights, rows, limit, hits);
}
#endif

Test choose_test() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw")) {
    return &test_avx512;
  }
#endif
  return &test_base;
}

using Earliest = Smallest<Arrival, Earlier>;

/// The `wanted` earliest rows of those with u < limit * weight.
std::vector<Arrival> arrivals_within(double limit, std::span<const double> weights, int64_t wanted,
                                     const RandomStream& random, ThreadPool& pool) {
  static const Test test = choose_test();
  std::vector<Earliest> parts(static_cast<size_t>(pool.threads()), Earliest(wanted, Earlier()));
  pool.parallel_for(
      static_cast<int64_t>(weights.size()), kWeightMorsel, [&](int64_t begin, int64_t end, int worker) {
        Earliest& part = parts[static_cast<size_t>(worker)];
        const double limit_here =
            part.bound() == nullptr ? limit : std::min(limit, limit_for(part.bound()->log_time));
        std::array<uint64_t, kChunk> words;
        std::array<uint8_t, kChunk> hits{};
        for (int64_t base = begin; base < end; base += kChunk) {
          const auto rows =
              weights.subspan(static_cast<size_t>(base), static_cast<size_t>(std::min(kChunk, end - base)));
          random.fill_bits(static_cast<uint64_t>(base), std::span(words).first(rows.size()));
          test(words.data(), rows.data(), rows.size(), limit_here, hits.data());
          for (size_t group = 0; group < rows.size(); group += sizeof(uint64_t)) {
            uint64_t any;
            std::memcpy(&any, hits.data() + group, sizeof(any));
            if (any == 0) continue;
            for (size_t i = group; i < std::min(rows.size(), group + sizeof(uint64_t)); ++i) {
              if (hits[i] != 0)
                part.add({log_time(fraction(words[i]), rows[i]), base + static_cast<int64_t>(i)});
            }
          }
        }
      });
  return Earliest::merge(pool, parts);
}

}  // namespace

HeapArray<int64_t> sample_without_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                              ThreadPool& pool) {
  check_weights(weights, size, pool);
  const auto population = static_cast<int64_t>(weights.size());
  const int64_t wanted = std::min(size, population);
  if (wanted == 0) return {};
  const RandomStream random(key.seed, key.stream, kDomain);
  const double limit = likely_time(weights, wanted);
  std::vector<Arrival> arrivals = arrivals_within(limit, weights, wanted, random, pool);
  // Rows that were left out arrive after `limit`. So do some that were not.
  constexpr double kRounding = 1e-9;
  const bool complete = static_cast<int64_t>(arrivals.size()) == wanted &&
                        arrivals.back().log_time <= std::log(limit) - kRounding;
  if (limit < kNoLimit && !complete) arrivals = arrivals_within(kNoLimit, weights, wanted, random, pool);
  HeapArray<int64_t> rows(arrivals.size());
  std::transform(arrivals.begin(), arrivals.end(), rows.values().begin(),
                 [](const Arrival& arrival) { return arrival.row; });
  return rows;
}

}  // namespace tql_engine
