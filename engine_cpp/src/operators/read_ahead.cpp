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

bool ReadAhead::is_ahead() const noexcept { return !in_memory_ && !execution_.memory()->is_limited(); }

void ReadAhead::request(const ColumnRef& column, RowRange rows) {
  if (is_ahead()) add({&column, rows, nullptr, false, {}, nullptr});
}

void ReadAhead::request(const ColumnRef& column, RowNumberList rows) {
  if (is_ahead()) add({&column, {0, 0}, std::move(rows), false, {}, nullptr});
}

void ReadAhead::add(Entry entry) {
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::make_shared<Entry>(std::move(entry)));
  }
  wake_.notify_all();
  if (thread_.joinable()) return;
  try {
    thread_ = start_thread([this] { work(); });
  } catch (const std::system_error&) {
    // The system allows no more threads: what was requested is read when it is needed.
  }
}

template <class Matches>
std::optional<Column> ReadAhead::fetched(const Matches& matches) {
  std::shared_ptr<Entry> entry;
  if (!in_memory_) {
    std::unique_lock lock(mutex_);
    const auto found = std::ranges::find_if(entries_, [&](const auto& known) { return matches(*known); });
    if (found != entries_.end()) {
      const std::shared_ptr<Entry> known = *found;
      if (known->started) entry = known;
      while (entry != nullptr && !entry->is_done()) {
        finished_.wait_for(lock, kPatience);
        lock.unlock();
        execution_.check_interrupt();
        lock.lock();
      }
      std::erase(entries_, known);
      if (entry != nullptr && entry->values) bytes_ -= entry->values->byte_count();
    }
  }
  wake_.notify_all();
  if (entry == nullptr) return std::nullopt;
  if (entry->error != nullptr) std::rethrow_exception(entry->error);
  return execution_.accept(std::move(*entry->values), *entry->column);
}

Column ReadAhead::read(const ColumnRef& column, RowRange rows) {
  std::optional<Column> values = fetched([&](const Entry& known) {
    return known.listed == nullptr && known.rows.start == rows.start && known.rows.stop == rows.stop &&
           same_column(*known.column, column);
  });
  return values ? std::move(*values) : execution_.read(source_, column, rows);
}

Column ReadAhead::take(const ColumnRef& column, const RowNumberList& rows) {
  std::optional<Column> values =
      fetched([&](const Entry& known) { return known.listed == rows && same_column(*known.column, column); });
  return values ? std::move(*values) : execution_.take(source_, column, *rows);
}

void ReadAhead::forget_before(int64_t row) {
  if (in_memory_) return;
  std::vector<std::shared_ptr<Entry>> dropped;  // what they hold is freed behind the lock
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const std::shared_ptr<Entry>& entry) {
    if (entry->listed != nullptr || entry->rows.stop > row) return false;
    if (entry->values) bytes_ -= entry->values->byte_count();
    dropped.push_back(entry);
    return true;
  });
}

Column ReadAhead::read_now(const Entry& entry) const {
  const ColumnRef& column = *entry.column;
  if (entry.listed != nullptr) return source_.take(column.name, column.facet, *entry.listed);
  return source_.read(column.name, column.facet, entry.rows.start, entry.rows.stop);
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
      values = execution_.hold(read_now(*entry));
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
