// Memory for large results that costs nothing before it is used: what is overwritten at once need not be
// cleared first, and what must start as zeros comes so from the system.
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

/// Values of a trivial type.
template <class T>
class HeapArray {
 public:
  HeapArray() = default;
  /// Uninitialised: to be written before anybody reads. Throws std::bad_alloc.
  explicit HeapArray(size_t size) : HeapArray(allocate(size), size) {}

  /// All zeros. The pages of a large block are cleared when they are first touched, by the thread that does.
  static HeapArray zeroed(size_t size) {
    void* memory = size == 0 ? nullptr : std::calloc(size, sizeof(T));
    if (memory == nullptr && size > 0) throw std::bad_alloc();
    return HeapArray(static_cast<T*>(memory), size);
  }

  std::span<T> values() noexcept { return {values_.get(), size_}; }
  std::span<const T> values() const noexcept { return {values_.get(), size_}; }

 private:
  HeapArray(T* values, size_t size) : values_(values), size_(size) {}

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
