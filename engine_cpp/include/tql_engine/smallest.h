// The k smallest of a stream of items in time O(items + k log k), fed from many threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tql_engine/parallel_sort.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {

/// Keeps up to twice k items and throws the larger half away when they are that many: each such selection
/// costs O(k) and is paid for by the k items that came before it. `less` must be a total order.
template <class Item, class Less>
class Smallest {
 public:
  Smallest(int64_t k, Less less) : k_(static_cast<size_t>(k)), less_(less) {}

  /// Whether the bound is a lower one now.
  bool add(const Item& item) {
    if (bounded_ && !less_(item, bound_)) return false;
    items_.push_back(item);
    if (items_.size() < 2 * k_ + kSlack) return false;
    shrink();
    return true;
  }

  /// Items from it on are not kept; null while every item is. It only ever falls.
  const Item* bound() const noexcept { return bounded_ ? &bound_ : nullptr; }

  /// From now on keeps only what is smaller.
  void lower_bound_to(const Item& bound) {
    if (bounded_ && !less_(bound, bound_)) return;
    bound_ = bound;
    bounded_ = true;
  }

  /// The k smallest of what was added to any of `parts`, ascending. Empties the parts.
  static std::vector<Item> merge(ThreadPool& pool, std::vector<Smallest>& parts) {
    std::vector<Item> items = gather(parts);
    parallel_sort(pool, items, parts.front().less_);
    return items;
  }

  /// The same in any order.
  static std::vector<Item> gather(std::vector<Smallest>& parts) {
    Smallest all = std::move(parts.front());
    for (size_t i = 1; i < parts.size(); ++i) {
      all.items_.insert(all.items_.end(), parts[i].items_.begin(), parts[i].items_.end());
      parts[i].items_ = {};
    }
    if (all.items_.size() > all.k_) all.shrink();
    return std::move(all.items_);
  }

 private:
  static constexpr size_t kSlack = 32;

  void shrink() {
    const auto end = items_.begin() + static_cast<ptrdiff_t>(k_);
    std::nth_element(items_.begin(), end, items_.end(), less_);
    bound_ = *end;  // k items are smaller
    bounded_ = true;
    items_.erase(end, items_.end());
  }

  size_t k_;
  Less less_;
  std::vector<Item> items_;
  Item bound_{};
  bool bounded_ = false;
};

}  // namespace tql_engine
