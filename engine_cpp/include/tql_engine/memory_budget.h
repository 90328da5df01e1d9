// How much memory one execution holds, and how much it may. What is allocated on a thread counts for the
// budget that is current there: the executor makes its own current on every thread that works for it, so
// operators need not pass it on. Arrays (heap_array.h, counted_vector.h) count by themselves; anything else
// that grows with the data takes a Reservation.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace tql_engine {

class MemoryBudget;
using MemoryBudgetPtr = std::shared_ptr<MemoryBudget>;

class MemoryBudget {
 public:
  /// `limit` in bytes; nothing: no limit, but what is held is counted all the same.
  explicit MemoryBudget(std::optional<int64_t> limit = std::nullopt) : limit_(limit) {}

  /// Throws MemoryLimitError, or std::bad_alloc for more than the machine has, and then nothing is held.
  /// Where blocks that nobody uses would bring the process above the limit, they go back to the system.
  void reserve(int64_t bytes);
  void release(int64_t bytes) noexcept { held_.fetch_sub(bytes, std::memory_order_relaxed); }

  bool is_limited() const noexcept { return limit_.has_value(); }
  int64_t held() const noexcept { return held_.load(std::memory_order_relaxed); }
  /// The most that was held at a time.
  int64_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
  /// The most that was held at a time since the last call of restart_peak().
  int64_t recent_peak() const noexcept { return recent_peak_.load(std::memory_order_relaxed); }
  void restart_peak() noexcept { recent_peak_.store(held(), std::memory_order_relaxed); }

  /// How much a buffer may take that would like to have `wanted` bytes but can do with less: an eighth of
  /// what is left at most, since others will want theirs.
  int64_t share(int64_t wanted) const noexcept;

  /// Of this thread; may be null.
  static const MemoryBudgetPtr& current() noexcept;

  /// Makes a budget, or none, the current one of this thread while it lives. The pointer must outlive it.
  class Scope {
   public:
    explicit Scope(const MemoryBudgetPtr* budget) noexcept;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const MemoryBudgetPtr* before_;
  };

 private:
  const std::optional<int64_t> limit_;
  std::atomic<int64_t> held_{0};
  std::atomic<int64_t> peak_{0};
  std::atomic<int64_t> recent_peak_{0};
};

/// Bytes of the budget that was current when they were reserved; given back when it dies. Holds nothing where
/// there was no budget.
class Reservation {
 public:
  Reservation() = default;
  /// Throws MemoryLimitError.
  explicit Reservation(int64_t bytes) { grow_to(bytes); }
  ~Reservation() {
    if (budget_ != nullptr) budget_->release(bytes_);
  }
  Reservation(Reservation&& other) noexcept
      : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  /// Holds at least so many bytes from now on. Throws MemoryLimitError, and then holds what it held.
  void grow_to(int64_t bytes);

 private:
  MemoryBudgetPtr budget_;
  int64_t bytes_ = 0;
};

/// `share` of the current budget; `wanted` where there is none.
int64_t memory_share(int64_t wanted) noexcept;

}  // namespace tql_engine
