// Loops on a thread pool that end early when their caller asks for it, by Ctrl-C for example.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "tql_engine/thread_pool.h"

namespace tql_engine {

/// A pool and a question that the thread which made this asks now and then while its loops run. Cheap to
/// make; not to be shared between threads.
class InterruptiblePool {
 public:
  /// `check`: what it throws ends the loop; empty: nothing does.
  InterruptiblePool(ThreadPool& pool, std::function<void()> check = {})  // NOLINT: any pool will do
      : pool_(pool), check_(std::move(check)), caller_(std::this_thread::get_id()), last_(Clock::now()) {}

  int threads() const noexcept { return pool_.threads(); }

  /// As ThreadPool::parallel_for. A loop that is ended early throws what `check` throws.
  void parallel_for(int64_t count, int64_t grain, const ThreadPool::Body& body) {
    pool_.parallel_for(count, grain, [&](int64_t begin, int64_t end, int worker) {
      if (std::this_thread::get_id() == caller_) check();
      body(begin, end, worker);
    });
  }

  /// For work outside of loops, on the thread that made this.
  void check() {
    if (!check_) return;
    const auto now = Clock::now();
    if (now - last_ < kInterval) return;
    last_ = now;
    check_();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{20};

  ThreadPool& pool_;
  std::function<void()> check_;
  std::thread::id caller_;
  Clock::time_point last_;
};

}  // namespace tql_engine
