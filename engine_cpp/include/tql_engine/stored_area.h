// Parts of files, read on any number of threads at once into one piece of memory, when they are needed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "tql_engine/heap_array.h"

namespace tql_engine {

/// What tells a file from another one, and from itself with other content.
struct FileState {
  int64_t size = 0;         ///< bytes
  int64_t modified_ns = 0;  ///< since 1970
  uint64_t inode = 0;

  bool operator==(const FileState&) const = default;
};

struct StoredFile {
  std::string path;
  FileState state;  ///< it must still be in when it is read
};

/// Files by number; from any thread.
class StoredFiles {
 public:
  void set(size_t number, StoredFile file);
  /// Throws std::invalid_argument for a number that was never set.
  std::shared_ptr<const StoredFile> at(size_t number) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const StoredFile>> files_;
};

/// First all parts are added, by one thread, then the area is sealed. All else may be called from any thread.
class StoredArea {
 public:
  StoredArea() = default;
  StoredArea(const StoredArea&) = delete;
  StoredArea& operator=(const StoredArea&) = delete;

  /// Bytes [offsets[i], offsets[i] + sizes[i]) of file numbers[i], for all i, in any order. Returns where
  /// each of them will lie in the area; equal ones lie in one place. Throws std::invalid_argument for parts
  /// that their file has not, and for a sealed area.
  std::vector<int64_t> add(const StoredFiles& files, std::span<const int64_t> numbers,
                           std::span<const int64_t> offsets, std::span<const int64_t> sizes);
  /// No part is added any more. Throws std::bad_alloc.
  void seal();

  /// All parts; a part may be looked at once need() has returned.
  std::span<const uint8_t> bytes() const noexcept {
    return memory_.values().first(static_cast<size_t>(size_));
  }
  /// The part that bytes [at, at + size) belong to. Throws std::invalid_argument if they are not of one part.
  size_t part_of(int64_t at, int64_t size) const;

  /// Reads some of what nobody has begun to read; false if there is nothing left.
  bool read_some() noexcept;
  /// Helps reading until all is there. Throws EngineError(kValue) that says why this part is not;
  /// EngineError(kCancelled) where the process was forked meanwhile.
  void need(size_t part);
  bool is_read() const noexcept { return read_.load(std::memory_order_acquire); }

  /// True for the first caller alone: who has it read ahead.
  bool claim() noexcept { return !claimed_.exchange(true); }

 private:
  struct File {
    std::shared_ptr<const StoredFile> file;
    int failure = 0;  // why it could not be read; written under the lock, until all is read
  };
  struct Part {
    size_t file;
    int64_t offset;
    int64_t at;
    int64_t size;
  };
  /// Parts of one file that one thread reads.
  struct Group {
    size_t first;
    size_t last;
  };

  /// What went wrong, 0 for nothing.
  int read_group(const Group& group) noexcept;
  int fill(int handle, int64_t offset, int64_t at, int64_t size) noexcept;
  void append(const StoredFile& file, int64_t offset, int64_t size);

  std::vector<File> files_;
  std::vector<Part> parts_;
  std::vector<Group> groups_;
  HeapArray<uint8_t> memory_;
  int64_t size_ = 0;
  bool sealed_ = false;
  uint64_t generation_ = 0;

  std::atomic<bool> claimed_{false};
  std::atomic<size_t> next_{0};  // group that nobody has begun
  std::atomic<bool> read_{false};
  std::mutex mutex_;
  std::condition_variable finished_;
  size_t done_ = 0;  // groups, under the lock
};

}  // namespace tql_engine
