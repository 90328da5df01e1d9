// How much of the calling thread's stack is left.
#include "tql_engine/stack.h"

#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace tql_engine {
namespace {

/// The lowest address of the thread's stack; null where it is not known.
const char* stack_end() noexcept {
#if defined(__APPLE__)
  const pthread_t self = pthread_self();
  return static_cast<const char*>(pthread_get_stackaddr_np(self)) - pthread_get_stacksize_np(self);
#elif defined(__linux__)
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return nullptr;
  void* lowest = nullptr;
  size_t size = 0;
  const int failed = pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  return failed != 0 ? nullptr : static_cast<const char*>(lowest);
#else
  return nullptr;
#endif
}

}  // namespace

bool stack_has(size_t bytes) noexcept {
  const char here = 0;
  // Asked once per thread: for the main thread glibc reads the end from /proc, which takes 0.2 ms.
  thread_local const char* const end = stack_end();
  return end == nullptr || (&here > end && static_cast<size_t>(&here - end) >= bytes);
}

}  // namespace tql_engine
