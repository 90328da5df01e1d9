// Loops on the pool: every morsel once, errors, cancellation, nesting, many callers.
#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "tql_engine/status.h"
#include "tql_engine/thread_pool.h"

namespace tql_test {
namespace {

using tql_engine::Cancellation;
using tql_engine::ThreadPool;

void covers_every_row_once(ThreadPool& pool, int64_t count, int64_t grain) {
  std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
  std::vector<int> busy(static_cast<size_t>(pool.threads()));  // not atomic: one thread per worker number
  pool.parallel_for(count, grain, [&](int64_t begin, int64_t end, int worker) {
    check(begin % grain == 0 && end - begin <= grain && begin < end);
    check(worker >= 0 && worker < pool.threads());
    check(++busy[static_cast<size_t>(worker)] == 1);
    for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    --busy[static_cast<size_t>(worker)];
  });
  for (const std::atomic<int>& times : seen) check(times == 1);
}

void reports_the_lowest_failure(ThreadPool& pool) {
  for (int round = 0; round < 50; ++round) {
    std::string message;
    try {
      pool.parallel_for(1000, 1, [](int64_t begin, int64_t, int) {
        if (begin % 100 == 37) throw std::runtime_error(std::to_string(begin));
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    check(message == "37");
  }
}

void stops_when_cancelled(ThreadPool& pool) {
  Cancellation cancellation;
  std::atomic<int64_t> rows{0};
  bool cancelled = false;
  try {
    pool.parallel_for(
        1 << 20, 1,
        [&](int64_t, int64_t, int) {
          if (++rows == 100) cancellation.request();
        },
        &cancellation);
  } catch (const tql_engine::EngineError& error) {
    cancelled = error.code() == tql_engine::Code::kCancelled;
  }
  check(cancelled);
  check(rows < 1 << 20);
}

void nests(ThreadPool& pool) {
  std::atomic<int64_t> rows{0};
  pool.parallel_for(64, 1, [&](int64_t, int64_t, int) {
    pool.parallel_for(100, 7, [&](int64_t begin, int64_t end, int worker) {
      check(worker == 0);
      rows += end - begin;
    });
  });
  check(rows == 6400);
}

void serves_many_callers(ThreadPool& pool) {
  std::vector<std::thread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&pool] {
      for (int round = 0; round < 100; ++round) covers_every_row_once(pool, 50 + round, 3);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

}  // namespace

void test_thread_pool() {
  for (const int threads : {1, 2, 4, 9}) {
    ThreadPool pool(threads);
    check(pool.threads() == threads);
    covers_every_row_once(pool, 0, 1);
    covers_every_row_once(pool, 1, 1);
    covers_every_row_once(pool, 10'000, 1);
    covers_every_row_once(pool, 10'000, 333);
    covers_every_row_once(pool, 100, 1000);
    reports_the_lowest_failure(pool);
    stops_when_cancelled(pool);
    nests(pool);
    serves_many_callers(pool);
  }
  check(&ThreadPool::shared(3) == &ThreadPool::shared(3));
  check(&ThreadPool::shared(3) != &ThreadPool::shared(2));
}

}  // namespace tql_test
