// Weighted draws without replacement: give each row a waiting time, exponential with its weight as the rate,
// and take the rows in the order of their times. Efraimidis, Spirakis, "Weighted random sampling with a
// reservoir", Information Processing Letters 97, 2006.
#include <algorithm>
#include <cmath>
#include <cstdint>
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

/// Rows with u > limit * weight are later than `bound`, since -log1p(-u) >= u: no need for their logarithms.
double limit_for(const Arrival* bound) noexcept {
  constexpr double kSmallest = -600;  // below, exp would lose bits
  constexpr double kMargin = 1 + 1e-9;
  if (bound == nullptr || bound->log_time < kSmallest) return std::numeric_limits<double>::infinity();
  return std::exp(bound->log_time) * kMargin;
}

}  // namespace

HeapArray<int64_t> sample_without_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                              ThreadPool& pool) {
  check_weights(weights, size, pool);
  const auto population = static_cast<int64_t>(weights.size());
  const int64_t wanted = std::min(size, population);
  if (wanted == 0) return {};
  const RandomStream random(key.seed, key.stream, kDomain);
  using Earliest = Smallest<Arrival, Earlier>;
  std::vector<Earliest> parts(static_cast<size_t>(pool.threads()), Earliest(wanted, Earlier()));
  pool.parallel_for(population, kWeightMorsel, [&](int64_t begin, int64_t end, int worker) {
    Earliest& part = parts[static_cast<size_t>(worker)];
    const double limit = limit_for(part.bound());
    for (int64_t row = begin; row < end; ++row) {
      const double weight = effective_weight(weights[static_cast<size_t>(row)]);
      if (weight == 0) continue;
      const double u = fraction(random.bits(static_cast<uint64_t>(row)));
      if (u <= limit * weight) part.add({log_time(u, weight), row});
    }
  });
  const std::vector<Arrival> arrivals = Earliest::merge(pool, parts);
  HeapArray<int64_t> rows(arrivals.size());
  std::transform(arrivals.begin(), arrivals.end(), rows.values().begin(),
                 [](const Arrival& arrival) { return arrival.row; });
  return rows;
}

}  // namespace tql_engine
