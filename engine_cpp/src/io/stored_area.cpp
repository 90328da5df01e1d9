// Files are opened again for every group and compared with what they were: an area holds no descriptors,
// which are few, however many files its parts come from.
#include "tql_engine/stored_area.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <numeric>
#include <stdexcept>
#include <system_error>
#include <tuple>
#include <utility>

#include "tql_engine/process.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// Small enough that several threads share an area, large enough that opening the file does not count.
constexpr int64_t kGroupBytes = int64_t{1} << 18;
constexpr int kSound = 0;
constexpr int kChanged = -1;  // all other failures are numbers of the system

class Handle {
 public:
  /// Not blocking: a pipe that took the place of the file would wait for who writes to it.
  explicit Handle(const std::string& path) noexcept
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Handle() {
    if (number_ >= 0) ::close(number_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  int number() const noexcept { return number_; }

 private:
  int number_;
};

int64_t nanoseconds(const struct timespec& time) noexcept {
  return int64_t{time.tv_sec} * 1'000'000'000 + int64_t{time.tv_nsec};
}

bool is_in_state(int handle, const FileState& expected) noexcept {
  struct stat status{};
  if (::fstat(handle, &status) != 0 || !S_ISREG(status.st_mode)) return false;
#if defined(__APPLE__)
  const struct timespec& modified = status.st_mtimespec;
#else
  const struct timespec& modified = status.st_mtim;
#endif
  return FileState{status.st_size, nanoseconds(modified), status.st_ino} == expected;
}

std::string text_of(int failure) {
  if (failure == kChanged) return "the file was changed after it was opened";
  return "the file can't be read: " + std::generic_category().message(failure);
}

}  // namespace

void StoredFiles::set(size_t number, StoredFile file) {
  auto shared = std::make_shared<const StoredFile>(std::move(file));
  const std::lock_guard lock(mutex_);
  if (files_.size() <= number) files_.resize(number + 1);
  files_[number] = std::move(shared);
}

std::shared_ptr<const StoredFile> StoredFiles::at(size_t number) const {
  const std::lock_guard lock(mutex_);
  if (number >= files_.size() || files_[number] == nullptr)
    throw std::invalid_argument("there is no such file: " + std::to_string(number));
  return files_[number];
}

std::vector<int64_t> StoredArea::add(const StoredFiles& files, std::span<const int64_t> numbers,
                                     std::span<const int64_t> offsets, std::span<const int64_t> sizes) {
  if (sealed_) throw std::invalid_argument("the area is sealed");
  if (offsets.size() != numbers.size() || sizes.size() != numbers.size())
    throw std::invalid_argument("numbers, offsets and sizes must have one entry per part");
  std::vector<size_t> order(numbers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto key = [&](size_t i) { return std::tuple(numbers[i], offsets[i], sizes[i]); };
  std::ranges::sort(order, {}, key);
  std::vector<int64_t> places(numbers.size());
  for (size_t k = 0; k < order.size(); ++k) {
    const size_t i = order[k];
    const bool first = k == 0 || numbers[order[k - 1]] != numbers[i];
    if (first) {
      if (numbers[i] < 0) throw std::invalid_argument("there is no such file: " + std::to_string(numbers[i]));
      files_.push_back({files.at(static_cast<size_t>(numbers[i]))});
    }
    if (first || key(order[k - 1]) != key(i)) {
      if (first) groups_.push_back({parts_.size(), parts_.size()});
      append(*files_.back().file, offsets[i], sizes[i]);
    }
    places[i] = parts_.back().at;
  }
  return places;
}

void StoredArea::append(const StoredFile& file, int64_t offset, int64_t size) {
  const int64_t length = file.state.size;
  if (offset < 0 || size < 0 || offset > length || size > length - offset) {
    throw std::invalid_argument("a part lies outside of its file: " + std::to_string(size) + " bytes at " +
                                std::to_string(offset) + " of " + std::to_string(length));
  }
  if (size > std::numeric_limits<int64_t>::max() - size_) throw std::bad_alloc();
  const Group& group = groups_.back();
  if (group.last > group.first && size_ - parts_[group.first].at >= kGroupBytes)
    groups_.push_back({parts_.size(), parts_.size()});
  parts_.push_back({files_.size() - 1, offset, size_, size});
  groups_.back().last = parts_.size();
  size_ += size;
}

void StoredArea::seal() {
  if (sealed_) return;
  // Blocks of this size come from areas before it: the system need not clear them.
  const auto bytes = static_cast<size_t>(size_);
  memory_ = HeapArray<uint8_t>(bytes < kLargeBlock / 4 ? bytes : std::max(bytes, kLargeBlock));
  generation_ = fork_generation();
  sealed_ = true;
  if (groups_.empty()) read_.store(true, std::memory_order_release);
}

size_t StoredArea::part_of(int64_t at, int64_t size) const {
  const auto behind = std::ranges::upper_bound(parts_, at, {}, &Part::at);
  if (behind == parts_.begin()) throw std::invalid_argument("these bytes are of no part of the area");
  // Parts without bytes begin where the next one does; the last that begins there holds what follows.
  const Part& part = *(behind - 1);
  if (size < 0 || size > part.size - (at - part.at))
    throw std::invalid_argument("these bytes are not of one part of the area");
  return static_cast<size_t>(behind - 1 - parts_.begin());
}

bool StoredArea::read_some() noexcept {
  if (next_.load(std::memory_order_relaxed) >= groups_.size()) return false;
  const size_t taken = next_.fetch_add(1, std::memory_order_relaxed);
  if (taken >= groups_.size()) return false;
  const Group& group = groups_[taken];
  const int failure = read_group(group);
  const std::lock_guard lock(mutex_);
  File& file = files_[parts_[group.first].file];
  if (file.failure == kSound) file.failure = failure;
  if (++done_ == groups_.size()) {
    read_.store(true, std::memory_order_release);
    finished_.notify_all();
  }
  return true;
}

void StoredArea::need(size_t part) {
  if (!is_read()) {
    if (generation_ != fork_generation())
      throw EngineError(Code::kCancelled, "the process was forked while the rows were read");
    while (read_some()) {
    }
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return is_read(); });
  }
  const int failure = files_[parts_[part].file].failure;
  if (failure != kSound) throw EngineError(Code::kValue, text_of(failure));
}

int StoredArea::read_group(const Group& group) noexcept {
  const StoredFile& file = *files_[parts_[group.first].file].file;
  const Handle handle(file.path);
  if (handle.number() < 0) return errno;
  if (!is_in_state(handle.number(), file.state)) return kChanged;
  for (size_t part = group.first; part < group.last;) {
    const Part& first = parts_[part];
    int64_t size = 0;
    // What lies together in the file lies together here.
    do size += parts_[part].size;
    while (++part < group.last && parts_[part].offset == first.offset + size);
    const int failure = fill(handle.number(), first.offset, first.at, size);
    if (failure != kSound) return failure;
  }
  return is_in_state(handle.number(), file.state) ? kSound : kChanged;
}

int StoredArea::fill(int handle, int64_t offset, int64_t at, int64_t size) noexcept {
  uint8_t* const out = memory_.values().data() + at;
  for (int64_t done = 0; done < size;) {
    const ssize_t count = ::pread(handle, out + done, static_cast<size_t>(size - done), offset + done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return kChanged;
    done += count;
  }
  return kSound;
}

}  // namespace tql_engine
