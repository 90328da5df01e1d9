// Memory for the rows that are kept: many pieces of about one size, each freed on its own, in any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "tql_engine/block_cache.h"

namespace tql_engine {

/// Cuts large blocks into slots of equal size, so that no page is cleared by the system for a row that takes
/// the place of another. Sizes are rounded up by an eighth at most. All blocks go back when it ends; who has
/// a slot keeps it alive. From any thread; a forked child leaves it alone.
class RowMemory {
 public:
  RowMemory() = default;
  ~RowMemory();
  RowMemory(const RowMemory&) = delete;
  RowMemory& operator=(const RowMemory&) = delete;

  /// At least `bytes` bytes, of any content. Throws std::bad_alloc.
  uint8_t* allocate(size_t bytes);
  /// Takes back what allocate(bytes) gave.
  void free(uint8_t* memory, size_t bytes) noexcept;

 private:
  static constexpr size_t kSmallest = size_t{1} << 16;  // of less the C allocator keeps the pages itself
  static constexpr size_t kLargest = size_t{1} << 21;   // to clear more is little beside decoding it
  static constexpr size_t kSteps = 8;                   // sizes from one power of two to the next
  static constexpr size_t kSizes = 5 * kSteps + 1;

  static bool in_slots(size_t bytes) noexcept { return bytes > kSmallest && bytes <= kLargest; }
  /// The smallest size of slots that `bytes` fit into.
  static size_t size_class(size_t bytes) noexcept;
  static size_t slot_bytes(size_t size_class) noexcept;
  void add_slots(size_t size_class);

  std::mutex mutex_;
  std::array<std::vector<uint8_t*>, kSizes> free_;  // with room for all slots that there are
  std::array<size_t, kSizes> slots_{};
  std::vector<Block> blocks_;
};

}  // namespace tql_engine
