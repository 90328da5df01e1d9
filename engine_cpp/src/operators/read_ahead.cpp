#include "read_ahead.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include "tql_engine/process.h"

namespace tql_engine {
namespace {

constexpr int64_t kMostBytes = 64 << 20;  // no further read begins while so much waits to be fetched
constexpr std::chrono::milliseconds kPatience{20};

}  // namespace

ReadAhead::ReadAhead(Execution& execution, Source& source)
    : execution_(execution), source_(source), in_memory_(source.in_memory()) {}

ReadAhead::~ReadAhead() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ReadAhead::request(const ColumnRef& column, RowRange rows) {
  if (in_memory_ || execution_.memory()->is_limited()) return;
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::make_shared<Entry>(Entry{&column, rows, false, {}, nullptr}));
  }
  wake_.notify_all();
  if (thread_.joinable()) return;
  try {
    thread_ = start_thread([this] { work(); });
  } catch (const std::system_error&) {
    // The system allows no more threads: what was requested is read when it is needed.
  }
}

Column ReadAhead::read(const ColumnRef& column, RowRange rows) {
  std::shared_ptr<Entry> entry;
  if (!in_memory_) {
    std::unique_lock lock(mutex_);
    const auto found = std::ranges::find_if(entries_, [&](const auto& known) {
      return known->rows.start == rows.start && known->rows.stop == rows.stop &&
             same_column(*known->column, column);
    });
    if (found != entries_.end()) {
      if ((*found)->started) entry = *found;
      while (entry != nullptr && !entry->is_done()) {
        finished_.wait_for(lock, kPatience);
        lock.unlock();
        execution_.check_interrupt();
        lock.lock();
      }
      std::erase(entries_, entry != nullptr ? entry : *found);
      if (entry != nullptr && entry->values) bytes_ -= entry->values->byte_count();
    }
  }
  wake_.notify_all();
  if (entry == nullptr) return execution_.read(source_, column, rows);
  if (entry->error != nullptr) std::rethrow_exception(entry->error);
  return execution_.accept(std::move(*entry->values), column);
}

void ReadAhead::forget_before(int64_t row) {
  if (in_memory_) return;
  std::vector<std::shared_ptr<Entry>> dropped;  // what they hold is freed behind the lock
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const std::shared_ptr<Entry>& entry) {
    if (entry->rows.stop > row) return false;
    if (entry->values) bytes_ -= entry->values->byte_count();
    dropped.push_back(entry);
    return true;
  });
}

void ReadAhead::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto next = [&] {
      return std::ranges::find_if(entries_, [](const auto& entry) { return !entry->started; });
    };
    wake_.wait(lock, [&] { return closed_ || (bytes_ < kMostBytes && next() != entries_.end()); });
    if (closed_) return;
    std::shared_ptr<Entry> entry = *next();
    entry->started = true;
    lock.unlock();
    std::optional<Column> values;
    std::exception_ptr error;
    try {
      values = execution_.hold(
          source_.read(entry->column->name, entry->column->facet, entry->rows.start, entry->rows.stop));
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    const bool wanted = std::ranges::find(entries_, entry) != entries_.end();
    if (wanted && values) bytes_ += values->byte_count();
    entry->values = std::move(values);
    entry->error = std::move(error);
    finished_.notify_all();
    lock.unlock();
    entry.reset();  // the last of one that was forgotten frees its values without the lock
    lock.lock();
  }
}

}  // namespace tql_engine
