// Threads for data-parallel loops over rows. Decoding has a pool of its own: decode_pool.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace tql_engine {

/// A request to stop early, set from any thread.
class Cancellation {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> requested_{false};
};

/// Runs loops on up to threads() threads, the calling thread among them. May be used from many threads at
/// once. After a fork the child starts threads of its own on first use.
class ThreadPool {
 public:
  /// Called with a morsel [begin, end) and the number of the worker, 0 <= worker < threads(). No two calls
  /// with one number overlap in time, so scratch space per worker needs no lock.
  using Body = std::function<void(int64_t begin, int64_t end, int worker)>;

  /// `threads` 0: one per core.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// The pool of this size that the whole process shares. It lives as long as the process.
  static ThreadPool& shared(int threads = 0);

  int threads() const noexcept { return threads_; }

  /// Calls `body` once per morsel of `grain` rows (the last may be shorter) of [0, count): morsel boundaries
  /// depend on count and grain alone, never on the number of threads. Morsels are taken in ascending order
  /// and may finish in any order.
  ///
  /// If bodies throw, the exception of the lowest failing morsel reaches the caller, once no body runs any
  /// more; which one that is doesn't depend on the number of threads. Called from a body that runs in
  /// parallel with others, on whatever pool, the inner loop runs on that very thread. Throws
  /// EngineError(kCancelled) if `cancellation` is requested before the last morsel was taken.
  void parallel_for(int64_t count, int64_t grain, const Body& body,
                    const Cancellation* cancellation = nullptr);

 private:
  class Team;
  Team& team();

  int threads_;
  std::atomic<Team*> team_{nullptr};
};

}  // namespace tql_engine
