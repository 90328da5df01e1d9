// The loop behind parallel_for: a list of running loops that idle threads join.
#include "tql_engine/thread_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "tql_engine/intrinsics.h"
#include "tql_engine/poll.h"
#include "tql_engine/process.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// Lets the processor know that this thread only waits.
void relax() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local bool inside_loop = false;
thread_local const std::function<void()>* polled = nullptr;

void poll() {
  if (polled != nullptr) (*polled)();
}

[[noreturn]] void throw_cancelled() { throw EngineError(Code::kCancelled, "the computation was cancelled"); }

/// One call of parallel_for, shared by those who work on it.
class Loop {
 public:
  Loop(int64_t count, int64_t grain, const ThreadPool::Body& body, const Cancellation* cancellation)
      : count_(count),
        grain_(grain),
        morsels_((count - 1) / grain + 1),
        body_(body),
        cancellation_(cancellation) {}

  int64_t morsels() const noexcept { return morsels_; }
  bool exhausted() const noexcept { return next_.load(std::memory_order_relaxed) >= morsels_; }

  void run(int worker) noexcept {
    inside_loop = true;
    for (;;) {
      const int64_t morsel = next_.fetch_add(1, std::memory_order_relaxed);
      if (morsel >= morsels_) break;
      if (cancellation_ != nullptr && cancellation_->requested()) {
        cancelled_.store(true, std::memory_order_relaxed);
        stop();
        break;
      }
      try {
        poll();
        body_(morsel * grain_, std::min(count_, morsel * grain_ + grain_), worker);
      } catch (...) {
        fail(morsel, std::current_exception());
      }
    }
    inside_loop = false;
  }

  /// Call once nobody runs any more.
  void rethrow() {
    if (error_ != nullptr) std::rethrow_exception(error_);
    if (cancelled_.load(std::memory_order_relaxed)) throw_cancelled();
  }

 private:
  // No further morsel is taken. All below the one that failed were taken before it and still run: one of them
  // may fail too, and the lowest failure is the one that is reported.
  void stop() noexcept { next_.store(morsels_, std::memory_order_relaxed); }

  void fail(int64_t morsel, std::exception_ptr error) {
    stop();
    const std::lock_guard lock(mutex_);
    if (morsel < failed_) {
      failed_ = morsel;
      error_ = std::move(error);
    }
  }

  const int64_t count_;
  const int64_t grain_;
  const int64_t morsels_;
  const ThreadPool::Body& body_;
  const Cancellation* const cancellation_;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  int64_t failed_ = std::numeric_limits<int64_t>::max();
  std::exception_ptr error_;
};

/// Looks at a condition for about as long as it takes to put a thread to sleep and to wake it again: one loop
/// often follows the other, and the last pieces of a loop end at about the same time.
template <class Condition>
void spin_until(const Condition& holds) noexcept {
  constexpr std::chrono::microseconds kLongest{20};
  constexpr int kLooksPerTime = 64;
  const auto stop = std::chrono::steady_clock::now() + kLongest;
  do {
    for (int i = 0; i < kLooksPerTime; ++i) {
      if (holds()) return;
      relax();
    }
  } while (std::chrono::steady_clock::now() < stop);
}

void run_inline(int64_t count, int64_t grain, const ThreadPool::Body& body,
                const Cancellation* cancellation) {
  for (int64_t begin = 0; begin < count;) {
    if (cancellation != nullptr && cancellation->requested()) throw_cancelled();
    poll();
    const int64_t end = count - begin > grain ? begin + grain : count;
    body(begin, end, 0);
    begin = end;
  }
}

}  // namespace

ScopedPoll::ScopedPoll(const std::function<void()>& poll) noexcept : before_(std::exchange(polled, &poll)) {}

ScopedPoll::~ScopedPoll() { polled = before_; }

/// The threads of a pool in one process. After a fork the old team is abandoned, not destroyed: its threads
/// are gone, and its lock may be held by one of them.
class ThreadPool::Team {
 public:
  explicit Team(int helpers) : generation_(fork_generation()) {
    threads_.reserve(static_cast<size_t>(helpers));
    try {
      for (int i = 0; i < helpers; ++i) threads_.push_back(start_thread([this] { work(); }));
    } catch (const std::system_error&) {
      // The system allows no more threads: those that started do the work, and the caller always takes part.
    }
  }

  ~Team() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  uint64_t generation() const noexcept { return generation_; }

  void run(Loop& loop) {
    Entry entry{.loop = &loop};
    std::list<Entry*>::iterator place;
    {
      const std::lock_guard lock(mutex_);
      place = running_.insert(running_.end(), &entry);
      posted_.fetch_add(1, std::memory_order_relaxed);
    }
    const int64_t wanted = std::min<int64_t>(loop.morsels() - 1, static_cast<int64_t>(threads_.size()));
    for (int64_t i = 0; i < wanted; ++i) wake_.notify_one();
    loop.run(0);
    std::unique_lock lock(mutex_);
    running_.erase(place);
    if (entry.helpers > 0) {
      lock.unlock();
      spin_until([&entry] { return entry.helpers.load(std::memory_order_relaxed) == 0; });
      lock.lock();
    }
    finished_.wait(lock, [&entry] { return entry.helpers == 0; });
  }

 private:
  struct Entry {
    Loop* loop;
    int joined = 0;                // gives helpers their worker numbers
    std::atomic<int> helpers = 0;  // how many are at work; changes under the lock
  };

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      Entry* entry = find_work();
      if (entry == nullptr && !closed_) {
        const uint64_t seen = posted_.load(std::memory_order_relaxed);
        lock.unlock();
        spin_until([&] { return posted_.load(std::memory_order_relaxed) != seen; });
        lock.lock();
        wake_.wait(lock, [&] { return closed_ || (entry = find_work()) != nullptr; });
      }
      if (closed_) return;
      const int worker = ++entry->joined;
      ++entry->helpers;
      lock.unlock();
      entry->loop->run(worker);
      lock.lock();
      if (--entry->helpers == 0) finished_.notify_all();
    }
  }

  // A thread joins a loop at most once while morsels are left, so worker numbers stay below threads().
  Entry* find_work() {
    for (Entry* entry : running_) {
      if (!entry->loop->exhausted()) return entry;
    }
    return nullptr;
  }

  const uint64_t generation_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::list<Entry*> running_;
  std::atomic<uint64_t> posted_ = 0;  // loops; changes under the lock
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

ThreadPool::ThreadPool(int threads) : threads_(resolve_threads(threads)) {}

ThreadPool::~ThreadPool() {
  Team* current = team_.load();
  if (current != nullptr && current->generation() == fork_generation()) delete current;
}

ThreadPool& ThreadPool::shared(int threads) {
  static std::array<std::atomic<ThreadPool*>, kMaxThreads + 1>
      pools{};  // no lock: a fork could leave it held
  std::atomic<ThreadPool*>& slot = pools[static_cast<size_t>(resolve_threads(threads))];
  ThreadPool* pool = slot.load(std::memory_order_acquire);
  if (pool == nullptr) {
    auto created = std::make_unique<ThreadPool>(threads);
    if (slot.compare_exchange_strong(pool, created.get())) pool = created.release();
  }
  return *pool;
}

ThreadPool::Team& ThreadPool::team() {
  Team* current = team_.load(std::memory_order_acquire);
  while (current == nullptr || current->generation() != fork_generation()) {
    auto created = std::make_unique<Team>(threads_ - 1);
    if (team_.compare_exchange_strong(current, created.get())) current = created.release();
  }
  return *current;
}

void ThreadPool::parallel_for(int64_t count, int64_t grain, const Body& body,
                              const Cancellation* cancellation) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (threads_ == 1 || inside_loop || count <= grain) {
    run_inline(count, grain, body, cancellation);
    return;
  }
  Loop loop(count, grain, body, cancellation);
  team().run(loop);
  loop.rethrow();
}

}  // namespace tql_engine
