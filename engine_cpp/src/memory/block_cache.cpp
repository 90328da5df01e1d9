// Blocks that were freed, oldest first. The kernel may take the pages of any of them while they are kept
// (MADV_FREE), so what is kept is no burden on a machine that runs short of memory.
#include "tql_engine/block_cache.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <sys/mman.h>
#define TQL_HAVE_MMAP 1
#endif

namespace tql_engine {
namespace {

#if defined(TQL_HAVE_MMAP)
constexpr bool kMapsBlocks = kKeepsBlocks;

/// Fresh pages, all zeros; nothing where the system has none.
Block map_block(size_t bytes) noexcept {
  // One huge page more than needed, so that there is a place to start at; both ends are given back.
  const size_t mapped = bytes + kLargeBlock;
  void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return {};
  auto* first = static_cast<std::byte*>(memory);
  const size_t ahead = (kLargeBlock - reinterpret_cast<uintptr_t>(first) % kLargeBlock) % kLargeBlock;
  if (ahead > 0) munmap(first, ahead);
  munmap(first + ahead + bytes, kLargeBlock - ahead);
#if defined(MADV_HUGEPAGE)
  madvise(first + ahead, bytes, MADV_HUGEPAGE);
#endif
  return {first + ahead, bytes};
}

void unmap(Block block) noexcept { munmap(block.memory, block.bytes); }

void let_kernel_take(Block block) noexcept {
#if defined(MADV_FREE)
  madvise(block.memory, block.bytes, MADV_FREE);
#endif
}
#else
constexpr bool kMapsBlocks = false;

Block map_block(size_t) noexcept { return {}; }
void unmap(Block) noexcept {}
void let_kernel_take(Block) noexcept {}
#endif

/// Nothing is allocated and no system call made while the lock is held. Never destroyed: arrays may be freed
/// by the very last that a process does.
class BlockCache {
 public:
  /// The smallest block of `bytes` bytes or more of which at most a quarter would lie idle; may be none.
  Block take(size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    size_t best = count_;
    for (size_t i = 0; i < count_; ++i) {
      const size_t size = blocks_[i].bytes;
      if (size < bytes || size - bytes > size / 4) continue;
      if (best == count_ || size <= blocks_[best].bytes)
        best = i;  // of equal ones the last, which is in the caches
    }
    return best == count_ ? Block{} : remove(best);
  }

  /// Keeps a block, in place of the oldest ones if there would be too many.
  void put(Block block) noexcept {
    if (block.bytes > kMostKeptBytes) {
      unmap(block);
      return;
    }
    let_kernel_take(block);
    for (;;) {
      Block oldest;
      {
        const std::lock_guard lock(mutex_);
        if (count_ < blocks_.size() && bytes_ + block.bytes <= kMostKeptBytes) {
          blocks_[count_++] = block;
          bytes_ += block.bytes;
          return;
        }
        oldest = remove(0);
      }
      unmap(oldest);
    }
  }

  size_t bytes() noexcept {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

  size_t release() noexcept {
    size_t released = 0;
    for (;;) {
      Block block;
      {
        const std::lock_guard lock(mutex_);
        if (count_ == 0) return released;
        block = remove(count_ - 1);
      }
      released += block.bytes;
      unmap(block);
    }
  }

  void before_fork() noexcept { mutex_.lock(); }
  void after_fork_in_parent() noexcept { mutex_.unlock(); }
  /// A block that both processes have is copied, page by page, by the first who writes to it: the child has
  /// no use for what the parent keeps.
  void after_fork_in_child() noexcept {
    for (size_t i = 0; i < count_; ++i) unmap(blocks_[i]);
    count_ = 0;
    bytes_ = 0;
    mutex_.unlock();
  }

 private:
  Block remove(size_t index) noexcept {
    const Block block = blocks_[index];
    std::move(blocks_.begin() + static_cast<ptrdiff_t>(index) + 1,
              blocks_.begin() + static_cast<ptrdiff_t>(count_),
              blocks_.begin() + static_cast<ptrdiff_t>(index));
    --count_;
    bytes_ -= block.bytes;
    return block;
  }

  std::mutex mutex_;
  std::array<Block, kMostKeptBytes / kLargeBlock> blocks_{};
  size_t count_ = 0;
  size_t bytes_ = 0;
};

BlockCache& cache() noexcept {
  alignas(BlockCache) static std::array<std::byte, sizeof(BlockCache)> storage;
  static auto* const made = new (storage.data()) BlockCache;
  return *made;
}

#if defined(TQL_HAVE_MMAP)
// At load time, before there can be a thread or a fork.
[[maybe_unused]] const int fork_handlers =
    (cache(), pthread_atfork([] { cache().before_fork(); }, [] { cache().after_fork_in_parent(); },
                             [] { cache().after_fork_in_child(); }));
#endif

/// What `allocate` gives, if need be once all blocks are given back that are kept.
template <class Allocate>
Block allocate_or_release(const Allocate& allocate) {
  Block block = allocate();
  if (block.memory == nullptr && release_kept_blocks() > 0) block = allocate();
  if (block.memory == nullptr) throw std::bad_alloc();
  return block;
}

/// Blocks come in sizes that others can use again, and are at most an eighth larger than what was asked for.
size_t rounded_size(size_t bytes) {
  constexpr size_t kParts = 8;
  if (bytes > std::numeric_limits<size_t>::max() / 2) throw std::bad_alloc();
  const size_t step = std::min(kLargeBlock, std::bit_floor(bytes) / kParts);
  return (bytes + step - 1) / step * step;
}

bool is_mapped(size_t bytes) noexcept { return kMapsBlocks && bytes >= kLargeBlock; }

}  // namespace

Block allocate_block(size_t bytes) {
  if (bytes == 0) return {};
  if (!is_mapped(bytes)) return allocate_or_release([bytes] { return Block{std::malloc(bytes), bytes}; });
  const size_t rounded = rounded_size(bytes);
  const Block kept = cache().take(rounded);
  return kept.memory != nullptr ? kept : allocate_or_release([rounded] { return map_block(rounded); });
}

Block allocate_zeroed_block(size_t bytes) {
  if (bytes == 0) return {};
  if (!is_mapped(bytes)) return allocate_or_release([bytes] { return Block{std::calloc(bytes, 1), bytes}; });
  const size_t rounded = rounded_size(bytes);
  // Clearing in place is several times as fast as the kernel's, but one thread does it, and all of it.
  const Block kept = bytes <= kMostClearedBytes ? cache().take(rounded) : Block{};
  if (kept.memory == nullptr) return allocate_or_release([rounded] { return map_block(rounded); });
  std::memset(kept.memory, 0, bytes);
  return kept;
}

void free_block(Block block) noexcept {
  if (block.memory == nullptr) return;
  if (is_mapped(block.bytes)) {
    cache().put(block);
  } else {
    std::free(block.memory);
  }
}

size_t kept_block_bytes() noexcept { return cache().bytes(); }

size_t release_kept_blocks() noexcept { return cache().release(); }

}  // namespace tql_engine
