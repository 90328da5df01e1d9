// Binomial random numbers.
#pragma once

#include <cstdint>

#include "tql_engine/random.h"

namespace tql_engine {

/// The random numbers of one item of a stream, one after the other: as many as a rejection method needs.
class RandomSequence {
 public:
  /// Sequences of items < 2^35 don't meet for their first 2^20 numbers.
  RandomSequence(const RandomStream& random, uint64_t item) noexcept : random_(random), next_(item << 20) {}

  double uniform() noexcept { return random_.uniform(next_++); }

 private:
  const RandomStream& random_;
  uint64_t next_;
};

/// How many of `trials` independent trials succeed, each with this probability. Exact up to rounding.
int64_t binomial(int64_t trials, double probability, RandomSequence& random) noexcept;

}  // namespace tql_engine
