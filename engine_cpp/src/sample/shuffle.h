// Values in random order.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "tql_engine/heap_array.h"
#include "tql_engine/interruptible_pool.h"
#include "tql_engine/sampling.h"

namespace tql_engine {

/// Writes values begin, begin + 1, ...; called with ascending `begin`, by one thread.
template <class Value>
using Producer = std::function<void(int64_t begin, std::span<Value> values)>;

/// The `n` values that the producers give, each made by one of them, in an order that is uniformly random,
/// and in no way depends on the values, their type or the number of threads. `make_producer` is called by any
/// thread. Takes random numbers of three domains, from `domain` on. Of uint32_t to int64_t, int64_t to
/// int64_t, and double to double.
template <class Value, class Result>
HeapArray<Result> shuffled(int64_t n, RandomKey key, uint8_t domain, InterruptiblePool& pool,
                           const std::function<Producer<Value>()>& make_producer);

}  // namespace tql_engine
