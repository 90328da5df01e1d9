#include "bounded_memory.h"

#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr int64_t kUnbounded = std::numeric_limits<int64_t>::max();

thread_local int64_t left = kUnbounded;

void* allocate(size_t bytes) {
  if (left != kUnbounded && (bytes > (size_t{1} << 62) || static_cast<int64_t>(bytes) > left))
    throw std::bad_alloc();
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  if (left != kUnbounded) left -= static_cast<int64_t>(malloc_usable_size(memory));
  return memory;
}

void release(void* memory) noexcept {
  if (left != kUnbounded && memory != nullptr) left += static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

namespace tql_fuzz {

BoundedMemory::BoundedMemory(size_t bytes) { left = static_cast<int64_t>(bytes); }
BoundedMemory::~BoundedMemory() { left = kUnbounded; }

}  // namespace tql_fuzz

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, size_t) noexcept { release(memory); }
void operator delete[](void* memory, size_t) noexcept { release(memory); }
