// Arrays for large results that cost nothing before they are used: what is overwritten at once need not be
// cleared first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "tql_engine/block_cache.h"
#include "tql_engine/memory_budget.h"

namespace tql_engine {

/// Values of a trivial type.
template <class T>
class HeapArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  HeapArray() = default;
  /// Uninitialised: to be written before anybody reads. Throws MemoryLimitError and std::bad_alloc.
  explicit HeapArray(size_t size)
      : reserved_(static_cast<int64_t>(bytes_of(size))),
        block_(allocate_block(bytes_of(size))),
        size_(size) {}
  ~HeapArray() { free_block(block_); }

  HeapArray(HeapArray&& other) noexcept
      : reserved_(std::move(other.reserved_)),
        block_(std::exchange(other.block_, {})),
        size_(std::exchange(other.size_, 0)) {}
  HeapArray& operator=(HeapArray&& other) noexcept {
    std::swap(reserved_, other.reserved_);
    std::swap(block_, other.block_);
    std::swap(size_, other.size_);
    return *this;
  }

  /// All zeros. The pages of a very large one are cleared when they are first touched, by the thread that
  /// does.
  static HeapArray zeroed(size_t size) {
    HeapArray array;
    array.reserved_ = Reservation(static_cast<int64_t>(bytes_of(size)));
    array.block_ = allocate_zeroed_block(bytes_of(size));
    array.size_ = size;
    return array;
  }

  std::span<T> values() noexcept { return {static_cast<T*>(block_.memory), size_}; }
  std::span<const T> values() const noexcept { return {static_cast<const T*>(block_.memory), size_}; }

 private:
  static size_t bytes_of(size_t size) {
    if (size > static_cast<size_t>(std::numeric_limits<int64_t>::max()) / sizeof(T)) throw std::bad_alloc();
    return size * sizeof(T);
  }

  Reservation reserved_;
  Block block_;
  size_t size_ = 0;
};

}  // namespace tql_engine
