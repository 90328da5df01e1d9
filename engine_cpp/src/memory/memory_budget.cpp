#include "tql_engine/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <new>

#include "tql_engine/block_cache.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kLeastShare = 64 << 10;
constexpr int64_t kShareOfRoom = 8;

thread_local const MemoryBudgetPtr* current_budget = nullptr;

/// Bytes of the machine's memory. Systems promise more than they have, and end the process that believes it.
int64_t physical_memory() noexcept {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? pages * page : std::numeric_limits<int64_t>::max();
}

void note_peak(std::atomic<int64_t>& peak, int64_t held) noexcept {
  int64_t known = peak.load(std::memory_order_relaxed);
  while (known < held && !peak.compare_exchange_weak(known, held, std::memory_order_relaxed)) {
  }
}

}  // namespace

void MemoryBudget::reserve(int64_t bytes) {
  if (limit_) {
    const int64_t before = held();
    if (bytes > *limit_ - std::min(before, *limit_)) {
      const int64_t most = std::numeric_limits<int64_t>::max();
      throw MemoryLimitError(bytes > most - before ? most : before + bytes, *limit_);
    }
  }
  const int64_t held = held_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (limit_) {
    if (held > *limit_) {  // another thread was faster
      release(bytes);
      throw MemoryLimitError(held, *limit_);
    }
    if (static_cast<int64_t>(kept_block_bytes()) > *limit_ - held) release_kept_blocks();
  } else {
    static const int64_t most = physical_memory();
    if (bytes > most || held > most) {
      release(bytes);
      throw std::bad_alloc();
    }
  }
  note_peak(peak_, held);
  note_peak(recent_peak_, held);
}

int64_t MemoryBudget::share(int64_t wanted) const noexcept {
  if (!limit_) return wanted;
  const int64_t room = std::max<int64_t>(*limit_ - held(), 0);
  return std::min(wanted, std::max(room / kShareOfRoom, kLeastShare));
}

const MemoryBudgetPtr& MemoryBudget::current() noexcept {
  static const MemoryBudgetPtr none;
  return current_budget == nullptr ? none : *current_budget;
}

MemoryBudget::Scope::Scope(const MemoryBudgetPtr* budget) noexcept : before_(current_budget) {
  current_budget = budget;
}

MemoryBudget::Scope::~Scope() { current_budget = before_; }

void Reservation::grow_to(int64_t bytes) {
  if (bytes <= bytes_) return;
  if (budget_ == nullptr) budget_ = MemoryBudget::current();
  if (budget_ == nullptr) return;
  budget_->reserve(bytes - bytes_);
  bytes_ = bytes;
}

int64_t memory_share(int64_t wanted) noexcept {
  const MemoryBudgetPtr& budget = MemoryBudget::current();
  return budget == nullptr ? wanted : budget->share(wanted);
}

}  // namespace tql_engine
