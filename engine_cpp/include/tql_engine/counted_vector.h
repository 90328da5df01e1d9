// Vectors that grow with the data: what they hold counts for the memory budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "tql_engine/memory_budget.h"

namespace tql_engine {

/// Allocates for the budget that was current when the container was made.
template <class T>
class CountingAllocator {
 public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;

  CountingAllocator() : budget_(MemoryBudget::current()) {}
  template <class U>
  CountingAllocator(const CountingAllocator<U>& other) noexcept : budget_(other.budget()) {}

  /// Throws MemoryLimitError and std::bad_alloc.
  T* allocate(size_t count) {
    if (count > static_cast<size_t>(std::numeric_limits<int64_t>::max()) / sizeof(T)) throw std::bad_alloc();
    const size_t bytes = count * sizeof(T);
    if (budget_ != nullptr) budget_->reserve(static_cast<int64_t>(bytes));
    try {
      return std::allocator<T>().allocate(count);
    } catch (...) {
      if (budget_ != nullptr) budget_->release(static_cast<int64_t>(bytes));
      throw;
    }
  }

  void deallocate(T* memory, size_t count) noexcept {
    std::allocator<T>().deallocate(memory, count);
    if (budget_ != nullptr) budget_->release(static_cast<int64_t>(count * sizeof(T)));
  }

  const MemoryBudgetPtr& budget() const noexcept { return budget_; }

  template <class U>
  bool operator==(const CountingAllocator<U>& other) const noexcept {
    return budget_ == other.budget();
  }

 private:
  MemoryBudgetPtr budget_;
};

template <class T>
using CountedVector = std::vector<T, CountingAllocator<T>>;

}  // namespace tql_engine
