// Reading ahead: while the threads of the pool compute, one more fetches from a source what comes next.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"

namespace tql_engine {

/// Row numbers that a read of them keeps alive.
using RowNumberList = std::shared_ptr<const CountedVector<int64_t>>;

/// Reads of one operator from one source. Used from the thread of the query alone. A source in memory needs
/// no reading ahead and gets no thread, and where memory is limited there is none either; any other gets one
/// with the first request, and it ends with this object.
class ReadAhead {
 public:
  ReadAhead(Execution& execution, Source& source);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// Asks for rows that will be read soon, in the order in which they are asked for. The column reference
  /// must live as long as this object.
  void request(const ColumnRef& column, RowRange rows);
  /// The rows, which may have been requested: checked, and counted for the node that runs. Throws what the
  /// source throws, and ends with the query if that is interrupted.
  Column read(const ColumnRef& column, RowRange rows);
  /// The same for rows by number: the list that is asked for is the one that was requested, not one like it.
  void request(const ColumnRef& column, RowNumberList rows);
  Column take(const ColumnRef& column, const RowNumberList& rows);
  /// Forgets requests for rows that all lie before this one.
  void forget_before(int64_t row);

 private:
  struct Entry {
    const ColumnRef* column;
    RowRange rows;         // of a run
    RowNumberList listed;  // else null
    bool started = false;
    std::optional<Column> values;
    std::exception_ptr error;

    bool is_done() const noexcept { return values.has_value() || error != nullptr; }
  };

  bool is_ahead() const noexcept;
  void add(Entry entry);
  /// The values of the entry for which `matches(entry)`, waiting for them if they are being read; nothing if
  /// nobody has begun to.
  template <class Matches>
  std::optional<Column> fetched(const Matches& matches);
  Column read_now(const Entry& entry) const;
  void work();

  Execution& execution_;
  Source& source_;
  const bool in_memory_;
  std::mutex mutex_;
  std::condition_variable wake_;      // the reader: there is work, or room, or an end
  std::condition_variable finished_;  // the query: an entry is done
  std::deque<std::shared_ptr<Entry>> entries_;
  int64_t bytes_ = 0;  // of entries that are done
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace tql_engine
