// ORDER BY with LIMIT: the first k rows in one pass over the keys. A k-th row that is known so far, by
// whatever thread, is a bound; whole blocks of values that lie behind it are passed over by vector
// comparisons.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "candidates.h"
#include "encoded_key.h"
#include "tql_engine/smallest.h"

namespace tql_engine {

class TopK {
 public:
  /// `less` may look at rows by number, then everything that is added must be rows of those keys.
  TopK(Element element, bool descending, const EntryLess& less, int64_t k, int threads);

  /// Rows from here on need not be kept: at least k come before it, or the caller looks at how many there
  /// are.
  void lower_bound_to(const Entry& bound);

  /// Takes note of rows [begin, end) of a column, which are rows begin + first ... of all. `worker` is that
  /// of the thread pool; each row is added once, in any order.
  void add(const Column& column, int64_t begin, int64_t end, int64_t first, int worker);

  /// The first k in order; fewer where fewer were added, or come before a bound that was set.
  std::vector<Entry> finish(ThreadPool& pool);

 private:
  struct Worker {
    Smallest<Entry, EntryLess> smallest;
    CandidateFinder finder;
  };

  void follow_bound(Worker& mine, int64_t row);
  void share_bound(Worker& mine, int64_t row);

  Encoder encoder_;
  bool descending_;
  EntryLess less_;
  std::vector<Worker> workers_;
  std::mutex mutex_;
  std::optional<Entry> bound_;  // the lowest of all workers'
  std::atomic<uint64_t> bound_code_{~uint64_t{0}};
};

/// A small part of the rows, in blocks all over them, since rows may lie in some order already.
class KeySample {
 public:
  KeySample(const EncodedKey& key, const EntryLess& less, int64_t rows);

  /// A row that probably somewhat more than k rows come before, and for a small k certainly. The larger
  /// `caution` (from 1 on), the more rows and the greater the probability. Nothing where the sample cannot
  /// tell.
  std::optional<Entry> bound(int64_t k, int64_t caution);

 private:
  static constexpr int64_t kBlock = 64;
  static constexpr int64_t kSample = 1 << 13;
  static constexpr int64_t kFraction = 32;  // with fewer rows the sample costs more than it saves
  static constexpr int64_t kSureRank = 512;

  EntryLess less_;
  int64_t rows_;
  std::vector<Entry> entries_;
};

}  // namespace tql_engine
