// What is held is counted where it is allocated, and never beyond the limit.
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "check.h"
#include "tql_engine/counted_vector.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/memory_budget.h"
#include "tql_engine/status.h"
#include "tql_engine/thread_pool.h"

namespace tql_test {
namespace {

using tql_engine::CountedVector;
using tql_engine::HeapArray;
using tql_engine::memory_share;
using tql_engine::MemoryBudget;
using tql_engine::MemoryBudgetPtr;
using tql_engine::MemoryLimitError;
using tql_engine::Reservation;
using tql_engine::ThreadPool;

template <class Work>
int64_t refused(const Work& work) {
  try {
    work();
  } catch (const MemoryLimitError& error) {
    return error.needed();
  }
  return -1;
}

void counts_what_arrays_hold() {
  const auto budget = std::make_shared<MemoryBudget>();
  HeapArray<int64_t> outside(1000);
  {
    const MemoryBudget::Scope scope(&budget);
    HeapArray<int64_t> array(1000);
    check(budget->held() == 8000);
    HeapArray<int64_t> moved(std::move(array));
    check(budget->held() == 8000);
    array = HeapArray<int64_t>::zeroed(10);
    check(budget->held() == 8080);
    CountedVector<int32_t> vector(100);
    check(budget->held() == 8480);
    CountedVector<int32_t> other = std::move(vector);
    check(budget->held() == 8480);
    outside = std::move(moved);
  }
  check(budget->held() == 8000);
  outside = {};
  check(budget->held() == 0);
  check(budget->peak() == 8480);
}

void keeps_the_limit() {
  const auto budget = std::make_shared<MemoryBudget>(1000);
  const MemoryBudget::Scope scope(&budget);
  Reservation first(600);
  check(refused([] { const Reservation second(401); }) == 1001);
  check(refused([] { const HeapArray<int64_t> array(51); }) == 1008);
  check(refused([] { const CountedVector<int64_t> vector(51); }) == 1008);
  check(refused([] { const Reservation most(std::numeric_limits<int64_t>::max()); }) > 1000);
  check(budget->held() == 600);
  const Reservation exact(400);
  check(budget->held() == 1000 && budget->peak() == 1000);
  check(refused([&] { first.grow_to(601); }) == 1001);
  first.grow_to(100);  // holds more already
  check(budget->held() == 1000);
}

void peaks_start_again() {
  const auto budget = std::make_shared<MemoryBudget>();
  const MemoryBudget::Scope scope(&budget);
  const Reservation kept(10);
  {
    const Reservation passing(90);
  }
  check(budget->recent_peak() == 100);
  budget->restart_peak();
  check(budget->recent_peak() == 10 && budget->peak() == 100);
}

void shares_what_is_left() {
  check(memory_share(1 << 30) == 1 << 30);
  const auto budget = std::make_shared<MemoryBudget>(80 << 20);
  const MemoryBudget::Scope scope(&budget);
  check(memory_share(1 << 30) == 10 << 20);
  check(memory_share(5) == 5);
  const Reservation most(80 << 20);
  check(memory_share(1 << 30) > 0);
}

void scopes_nest() {
  const auto outer = std::make_shared<MemoryBudget>();
  const auto inner = std::make_shared<MemoryBudget>();
  const MemoryBudget::Scope first(&outer);
  {
    const MemoryBudget::Scope second(&inner);
    const Reservation held(5);
    check(inner->held() == 5 && outer->held() == 0);
    const MemoryBudget::Scope none(nullptr);
    const Reservation free(7);
    check(inner->held() == 5 && outer->held() == 0);
  }
  check(MemoryBudget::current() == outer);
}

void many_threads_stay_within() {
  const auto budget = std::make_shared<MemoryBudget>(10'000);
  ThreadPool pool(4);
  pool.parallel_for(10'000, 1, [&](int64_t begin, int64_t, int) {
    const MemoryBudget::Scope scope(&budget);
    refused([&] {
      const Reservation held(begin % 4000);
      check(budget->held() > 0 || begin % 4000 == 0);
    });
  });
  check(budget->held() == 0);
  check(budget->peak() <= 10'000);
}

}  // namespace

void test_memory_budget() {
  counts_what_arrays_hold();
  keeps_the_limit();
  peaks_start_again();
  shares_what_is_left();
  scopes_nest();
  many_threads_stay_within();
}

}  // namespace tql_test
