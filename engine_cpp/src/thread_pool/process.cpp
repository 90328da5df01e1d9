// Cores, forks and signals: the parts that differ between systems.
#include "tql_engine/process.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define TQL_HAVE_FORK 1
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace tql_engine {
namespace {

std::atomic<uint64_t> generation{0};

#if defined(TQL_HAVE_FORK)
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// At load time, while there can be no thread of ours yet.
[[maybe_unused]] const int fork_handler =
    pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });
#else
struct SignalsBlocked {
  SignalsBlocked() noexcept {}
};
#endif

}  // namespace

int available_cores() noexcept {
#if defined(__linux__)
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int resolve_threads(int requested) noexcept {
  return std::clamp(requested > 0 ? requested : available_cores(), 1, kMaxThreads);
}

uint64_t fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

std::thread start_thread(std::function<void()> body) {
  const SignalsBlocked blocked;  // a new thread inherits the mask
  return std::thread(std::move(body));
}

}  // namespace tql_engine
