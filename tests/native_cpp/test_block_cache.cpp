// Blocks that are freed are handed out again, within bounds; nobody sees what another left in them.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "tql_engine/block_cache.h"
#include "tql_engine/heap_array.h"

namespace tql_test {
namespace {

using tql_engine::allocate_block;
using tql_engine::allocate_zeroed_block;
using tql_engine::Block;
using tql_engine::free_block;
using tql_engine::HeapArray;
using tql_engine::kKeepsBlocks;
using tql_engine::kLargeBlock;
using tql_engine::kMostClearedBytes;
using tql_engine::kMostKeptBytes;
using tql_engine::release_kept_blocks;

std::span<unsigned char> bytes_of(Block block) {
  return {static_cast<unsigned char*>(block.memory), block.bytes};
}

void keeps_large_blocks() {
  release_kept_blocks();
  const Block first = allocate_block(5 * kLargeBlock - 100);
  check(first.bytes >= 5 * kLargeBlock - 100);
  std::ranges::fill(bytes_of(first), 7);
  free_block(first);
  const Block again = allocate_block(5 * kLargeBlock);
  if (kKeepsBlocks) {
    check(again.memory == first.memory);
    check(reinterpret_cast<uintptr_t>(again.memory) % kLargeBlock == 0);
  }
  free_block(again);
  free_block(allocate_block(100));  // not kept
  check(release_kept_blocks() == (kKeepsBlocks ? 5 * kLargeBlock : 0));
  check(release_kept_blocks() == 0);
}

void wastes_little() {
  release_kept_blocks();
  const Block large = allocate_block(8 * kLargeBlock);
  const Block larger = allocate_block(12 * kLargeBlock);
  free_block(large);
  free_block(larger);
  const Block third = allocate_block(5 * kLargeBlock);  // more than a quarter of both would lie idle
  check(!kKeepsBlocks || (third.memory != large.memory && third.memory != larger.memory));
  const Block fitting = allocate_block(7 * kLargeBlock);
  check(!kKeepsBlocks || (fitting.memory == large.memory && fitting.bytes == 8 * kLargeBlock));
  free_block(third);
  free_block(fitting);
}

void rounds_little() {
  for (size_t bytes = kLargeBlock; bytes < 20 * kLargeBlock; bytes += kLargeBlock / 7) {
    release_kept_blocks();
    const Block block = allocate_block(bytes);
    check(block.bytes >= bytes && block.bytes - bytes <= bytes / 8);
    bytes_of(block).back() = 1;
    free_block(block);
    const Block again = allocate_block(block.bytes);
    check(!kKeepsBlocks || again.memory == block.memory);
    free_block(again);
  }
}

void zeroed_blocks_are_zero() {
  for (const size_t bytes : {size_t{1}, size_t{4000}, kLargeBlock, 3 * kLargeBlock + 17, kMostClearedBytes,
                             kMostClearedBytes + kLargeBlock}) {
    const Block used = allocate_block(bytes);
    std::ranges::fill(bytes_of(used), 0xFF);
    free_block(used);
    const Block zeroed = allocate_zeroed_block(bytes);
    check(std::ranges::all_of(bytes_of(zeroed).first(bytes), [](unsigned char byte) { return byte == 0; }));
    free_block(zeroed);
  }
}

void keeps_no_more_than_the_bound() {
  release_kept_blocks();
  std::vector<Block> blocks;
  for (size_t bytes = 0; bytes <= kMostKeptBytes + 10 * kLargeBlock; bytes += kLargeBlock) {
    blocks.push_back(allocate_block(kLargeBlock));
  }
  for (const Block block : blocks) free_block(block);
  free_block(allocate_block(kMostKeptBytes + kLargeBlock));  // too large to be kept
  check(release_kept_blocks() == (kKeepsBlocks ? kMostKeptBytes : 0));
}

void fails_as_it_should() {
  constexpr size_t kMost = std::numeric_limits<size_t>::max();
  for (const size_t bytes : {kMost, kMost - kLargeBlock, kMost / 2, kMost / 4}) {
    bool refused = false;
    try {
      if (!kKeepsBlocks) throw std::bad_alloc();  // a sanitizer would end the program
      allocate_block(bytes);
    } catch (const std::bad_alloc&) {
      refused = true;
    }
    check(refused);
  }
  bool refused = false;
  try {
    HeapArray<int64_t> array(kMost / 8 + 1);
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  check(refused);
  check(allocate_block(0).memory == nullptr);
  free_block({});
}

void arrays_move() {
  HeapArray<int64_t> array(kLargeBlock / 8);
  array.values()[0] = 5;
  const int64_t* place = array.values().data();
  HeapArray<int64_t> moved(std::move(array));
  check(moved.values().data() == place && moved.values()[0] == 5);
  HeapArray<int64_t> other(3);
  other = std::move(moved);
  check(other.values().data() == place && other.values().size() == kLargeBlock / 8);
}

void serves_many_threads() {
  std::vector<std::thread> threads;
  for (unsigned char id = 1; id <= 4; ++id) {
    threads.emplace_back([id] {
      for (int round = 0; round < 200; ++round) {
        const Block block = allocate_block(kLargeBlock + static_cast<size_t>(round % 3) * kLargeBlock);
        bytes_of(block).front() = id;
        bytes_of(block).back() = id;
        std::this_thread::yield();
        check(bytes_of(block).front() == id && bytes_of(block).back() == id);
        free_block(block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// Forks while others allocate: the child finds no lock held and nothing kept, and what it had it still has.
void survives_a_fork() {
  if (!kKeepsBlocks) return;
  const Block kept = allocate_block(kLargeBlock);
  bytes_of(kept).front() = 42;
  std::atomic<bool> done = false;
  std::thread other([&done] {
    while (!done) free_block(allocate_block(2 * kLargeBlock));
  });
  for (int round = 0; round < 20; ++round) {
    free_block(allocate_block(3 * kLargeBlock));
    const pid_t child = fork();
    if (child == 0) {
      const bool empty = release_kept_blocks() == 0;
      const Block own = allocate_zeroed_block(kLargeBlock);
      const bool clear = bytes_of(own).front() == 0;
      free_block(own);
      _exit(empty && clear && bytes_of(kept).front() == 42 ? 0 : 1);
    }
    int status = -1;
    check(waitpid(child, &status, 0) == child && status == 0);
  }
  done = true;
  other.join();
  free_block(kept);
}

}  // namespace

void test_block_cache() {
  keeps_large_blocks();
  wastes_little();
  rounds_little();
  zeroed_blocks_are_zero();
  keeps_no_more_than_the_bound();
  fails_as_it_should();
  arrays_move();
  survives_a_fork();
  serves_many_threads();
  release_kept_blocks();
}

}  // namespace tql_test
