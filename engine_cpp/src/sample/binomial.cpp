// Few expected successes: inversion, by counting up. Many: rejection from a transformed uniform number,
// algorithm BTRS of Hoermann, "The generation of binomial random variates", Journal of Statistical
// Computation and Simulation 46, 1993.
#include "binomial.h"

#include <cmath>

namespace tql_engine {
namespace {

constexpr double kFewSuccesses = 10;

/// log(k!) minus Stirling's approximation of it.
double stirling_error(double k) noexcept {
  constexpr double kErrors[] = {
      0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
      0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287};
  if (k <= 9) return kErrors[static_cast<int>(k)];
  const double squared = (k + 1) * (k + 1);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / squared) / squared) / (k + 1);
}

int64_t count_up(double trials, double p, RandomSequence& random) noexcept {
  const double odds = p / (1 - p);
  const double none = std::exp(trials * std::log1p(-p));
  for (;;) {
    double left = random.uniform();
    double probability = none;
    for (double successes = 0; successes <= trials; ++successes) {
      if (left < probability) return static_cast<int64_t>(successes);
      left -= probability;
      probability *= (trials - successes) / (successes + 1) * odds;
      if (probability < 0x1p-80) break;  // what is left of the number is rounding: it decides nothing
    }
  }
}

int64_t reject(double trials, double p, RandomSequence& random) noexcept {
  const double deviation = std::sqrt(trials * p * (1 - p));
  const double b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double centre = trials * p + 0.5;
  const double accepted = 0.92 - 4.2 / b;
  const double alpha = (2.83 + 5.1 / b) * deviation;
  const double odds = p / (1 - p);
  const double mode = std::floor((trials + 1) * p);
  for (;;) {
    const double u = random.uniform() - 0.5;
    const double v = random.uniform();
    const double distance = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / distance + b) * u + centre);
    if (distance >= 0.07 && v <= accepted) return static_cast<int64_t>(k);
    if (!(k >= 0 && k <= trials)) continue;
    const double bound = (mode + 0.5) * std::log((mode + 1) / (odds * (trials - mode + 1))) +
                         (trials + 1) * std::log((trials - mode + 1) / (trials - k + 1)) +
                         (k + 0.5) * std::log(odds * (trials - k + 1) / (k + 1)) + stirling_error(mode) +
                         stirling_error(trials - mode) - stirling_error(k) - stirling_error(trials - k);
    if (std::log(v * alpha / (a / (distance * distance) + b)) <= bound) return static_cast<int64_t>(k);
  }
}

}  // namespace

int64_t binomial(int64_t trials, double probability, RandomSequence& random) noexcept {
  if (!(probability > 0) || trials == 0) return 0;
  if (probability >= 1) return trials;
  if (probability > 0.5) return trials - binomial(trials, 1 - probability, random);
  const auto n = static_cast<double>(trials);
  return n * probability < kFewSuccesses ? count_up(n, probability, random) : reject(n, probability, random);
}

}  // namespace tql_engine
