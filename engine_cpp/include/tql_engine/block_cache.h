// Memory for arrays. The system hands out large blocks page by page and clears each of them, which takes
// several times as long as filling them does, so large blocks are kept when they are freed and handed out
// again.
#pragma once

#include <cstddef>

namespace tql_engine {

/// From this size on blocks start at a huge page and are kept when they are freed.
inline constexpr size_t kLargeBlock = size_t{1} << 21;
/// More than this is never kept; the blocks that were freed first go back to the system.
inline constexpr size_t kMostKeptBytes = size_t{512} << 20;
/// What is larger and must be zero comes from the system, page by page where it is used; what is smaller is
/// cleared.
inline constexpr size_t kMostClearedBytes = size_t{32} << 20;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kKeepsBlocks = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool kKeepsBlocks = false;
#else
inline constexpr bool kKeepsBlocks = true;
#endif
#else
/// Not under sanitizers, which could not tell a block that was freed from one that was handed out again.
inline constexpr bool kKeepsBlocks = true;
#endif

/// Memory and how much of it there is, which may be more than was asked for.
struct Block {
  void* memory = nullptr;
  size_t bytes = 0;
};

/// At least `bytes` bytes, of any content, aligned for every type. What is kept is given back to the system
/// before std::bad_alloc is thrown. From any thread.
Block allocate_block(size_t bytes);
/// The same, all zeros.
Block allocate_zeroed_block(size_t bytes);
/// Takes back what one of the two gave. From any thread.
void free_block(Block block) noexcept;

/// How much is kept for later.
size_t kept_block_bytes() noexcept;
/// Gives all blocks that are kept back to the system and returns how many bytes that were.
size_t release_kept_blocks() noexcept;

}  // namespace tql_engine
