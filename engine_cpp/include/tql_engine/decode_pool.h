// Threads that decode batches of rows in the background, into memory of the caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tql_engine/encoded_rows.h"
#include "tql_engine/status.h"

namespace tql_engine {

/// Rows to decode, and how far that is. Until idle(), its creator must keep the stored bytes and the outputs
/// alive.
class DecodeBatch {
 public:
  /// Row i goes to outputs[i], decoded_size(i) bytes. Equal rows next to each other are decoded once and
  /// copied.
  DecodeBatch(EncodedRows rows, std::vector<uint8_t*> outputs);

  /// True once every row is decoded, or one has failed and no thread is at work any more.
  bool done() const noexcept;
  /// No thread reads or writes the memory of this batch, now or later.
  bool idle() const noexcept;
  /// Waits until done; false if the time is up before.
  bool wait_for(std::chrono::nanoseconds time) const;
  /// Call when done. Throws the error of the first row that failed; EngineError(kCancelled) where the pool
  /// was closed or the process was forked before the batch was done.
  void check() const;
  /// Rows that no thread has begun are not decoded any more.
  void cancel() noexcept;

 private:
  friend class DecodePool;
  struct Shared;

  /// Decodes runs [first, last) of equal rows, without a lock.
  std::optional<EngineError> decode_runs(size_t first, size_t last) const;
  std::optional<EngineError> decode_run(size_t run) const;
  bool finished() const noexcept { return next_run_ == runs() && at_work_ == 0; }
  size_t runs() const noexcept { return run_starts_.size() - 1; }

  const EncodedRows rows_;
  const std::vector<uint8_t*> outputs_;
  std::vector<int64_t> run_starts_;  // [runs + 1]
  size_t group_ = 1;                 // runs that a thread takes at once

  std::shared_ptr<Shared> shared_;  // set by submit
  // Guarded by the lock of shared_:
  size_t next_run_ = 0;
  int at_work_ = 0;
  std::optional<EngineError> error_;
};

/// Batches are taken in the order of submission; the rows of one are spread over all threads. submit() and
/// close() may be called from any thread, but the first of them after a fork from one alone.
class DecodePool {
 public:
  /// `threads` 0: one per core. They start with the first batch.
  explicit DecodePool(int threads = 0);
  ~DecodePool() { close(); }
  DecodePool(const DecodePool&) = delete;
  DecodePool& operator=(const DecodePool&) = delete;

  int threads() const noexcept { return threads_; }

  /// Throws EngineError(kCancelled) if the pool is closed.
  void submit(std::shared_ptr<DecodeBatch> batch);

  /// Ends the threads; batches that are not done fail. Idempotent.
  void close();

 private:
  void adapt_to_fork();

  int threads_;
  std::shared_ptr<DecodeBatch::Shared> shared_;
};

}  // namespace tql_engine
