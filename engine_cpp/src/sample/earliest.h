// The first of many arrivals, in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "arrival.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/interruptible_pool.h"

namespace tql_engine {

/// Arrivals in the order in which they were added, in blocks that never move.
class ArrivalList {
 public:
  void add(const Arrival& arrival) {
    if (in_last_ == kBlock) grow();
    last_[in_last_++] = arrival;
  }

  int64_t size() const noexcept {
    return blocks_.empty() ? 0 : static_cast<int64_t>((blocks_.size() - 1) * kBlock + in_last_);
  }
  size_t blocks() const noexcept { return blocks_.size(); }
  std::span<const Arrival> block(size_t i) const noexcept {
    return blocks_[i].values().first(i + 1 == blocks_.size() ? in_last_ : kBlock);
  }

 private:
  static constexpr size_t kBlock = size_t{1} << 13;

  void grow() {
    blocks_.emplace_back(kBlock);
    last_ = blocks_.back().values().data();
    in_last_ = 0;
  }

  std::vector<HeapArray<Arrival>> blocks_;
  Arrival* last_ = nullptr;
  size_t in_last_ = kBlock;
};

/// The rows of the `wanted` first of all arrivals in the lists, or of all if there are fewer, in order of
/// arrival. O(arrivals + wanted log wanted) at most, O(arrivals) for times that are spread out.
HeapArray<int64_t> earliest_rows(std::span<const ArrivalList> lists, int64_t wanted, InterruptiblePool& pool);

}  // namespace tql_engine
