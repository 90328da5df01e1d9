// Uninitialised memory for large results: what is overwritten at once need not be cleared first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <span>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace tql_engine {

/// Values of a trivial type that the owner is going to write before anybody reads them.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  /// Throws std::bad_alloc.
  explicit Buffer(size_t size) : values_(allocate(size)), size_(size) {}

  std::span<T> values() noexcept { return {values_.get(), size_}; }
  std::span<const T> values() const noexcept { return {values_.get(), size_}; }

 private:
  struct Free {
    void operator()(T* values) const noexcept { std::free(values); }
  };

  // With pages of 4 KiB the page faults of a fresh block cost more than filling it.
  static constexpr size_t kHugePage = size_t{1} << 21;

  static T* allocate(size_t size) {
    if (size == 0) return nullptr;
    if (size > std::numeric_limits<size_t>::max() / sizeof(T) - kHugePage) throw std::bad_alloc();
    const size_t bytes = size * sizeof(T);
    const size_t alignment = bytes >= kHugePage ? kHugePage : alignof(std::max_align_t);
    const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, rounded);
    if (memory == nullptr) throw std::bad_alloc();
#ifdef __linux__
    if (bytes >= kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(memory);
  }

  std::unique_ptr<T, Free> values_;
  size_t size_ = 0;
};

}  // namespace tql_engine
