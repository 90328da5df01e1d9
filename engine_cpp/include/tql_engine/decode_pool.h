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
#include "tql_engine/fixed_rows.h"
#include "tql_engine/image_program.h"
#include "tql_engine/kept_row.h"
#include "tql_engine/status.h"

namespace tql_engine {

/// What is done to rows that are images once they are decoded. `places` are where they stand in the epoch,
/// for the random numbers, one per row of the batch.
struct ImageWork {
  std::shared_ptr<const ImageProgram> program;
  uint64_t seed = 0;
  uint64_t epoch = 0;
  std::vector<int64_t> places;
};

/// Work for the threads of a pool, in steps that do not depend on each other, and how far that is. Until
/// idle(), its creator must keep alive what it reads and what it writes to.
class PoolBatch {
 public:
  virtual ~PoolBatch() = default;
  PoolBatch(const PoolBatch&) = delete;
  PoolBatch& operator=(const PoolBatch&) = delete;

  /// True once every row is there, or one has failed and no thread is at work any more.
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

 protected:
  PoolBatch() = default;

  size_t group_ = 1;  ///< runs that a thread takes at once

 private:
  friend class DecodePool;
  struct Shared;

  /// Steps that there are.
  virtual size_t runs() const noexcept = 0;
  /// Does runs [first, last), without a lock; the error names the row.
  virtual std::optional<EngineError> do_runs(size_t first, size_t last) const = 0;

  /// What its rows lie in, as far as that may have to be read.
  virtual std::span<const std::shared_ptr<StoredArea>> areas() const noexcept { return {}; }

  bool finished() const noexcept { return next_run_ == runs() && at_work_ == 0; }

  std::shared_ptr<Shared> shared_;  // set by submit
  // Guarded by the lock of shared_:
  size_t next_run_ = 0;
  int at_work_ = 0;
  std::optional<EngineError> error_;
};

/// Rows to decode.
class DecodeBatch final : public PoolBatch {
 public:
  /// Row i goes to outputs[i]: decoded_size(i) bytes, or with `work` what the program makes of the image of
  /// rank 2 or 3 that the row is. Rows that are equal are decoded once: next to each other, images and
  /// batches with `kept` wherever they are. `kept`, one for each row if any, shares rows among batches: null
  /// for a row of this batch alone, else the same one for equal rows, made for the same work.
  DecodeBatch(EncodedRows rows, std::vector<uint8_t*> outputs, std::optional<ImageWork> work = std::nullopt,
              std::vector<std::shared_ptr<KeptRow>> kept = {});

 private:
  /// A run is some equal rows.
  size_t runs() const noexcept override { return run_starts_.size() - 1; }
  std::optional<EngineError> do_runs(size_t first, size_t last) const override;
  std::optional<EngineError> decode_run(size_t run) const;
  std::span<const std::shared_ptr<StoredArea>> areas() const noexcept override { return rows_.areas(); }

  /// Brings equal rows together, each run where its first row is.
  void gather_equal_rows();
  void make(int64_t row, uint8_t* out) const;
  size_t made_bytes(int64_t row) const;
  /// Whether the result is larger than the decoded row. What is kept is the smaller of the two.
  bool grows(int64_t row) const;
  KeptRow* kept(int64_t row) const noexcept;
  RowDraws draws(int64_t row) const noexcept;
  /// All rows of a run, whose results are equal.
  void make_once(std::span<const int64_t> run) const;
  /// All rows of a run, of which only the picture is the same.
  void make_each(std::span<const int64_t> run) const;

  const EncodedRows rows_;
  const std::vector<uint8_t*> outputs_;
  const std::optional<ImageWork> work_;
  const std::vector<std::shared_ptr<KeptRow>> kept_;
  std::vector<int64_t> order_;       // [rows], those of a run next to each other, ascending
  std::vector<int64_t> run_starts_;  // [runs + 1], into order_
};

/// Rows of one size to copy next to each other.
class GatherBatch final : public PoolBatch {
 public:
  /// To `out`: size() * row_bytes() bytes.
  GatherBatch(std::shared_ptr<const FixedRows> rows, uint8_t* out);

 private:
  /// A run is a row.
  size_t runs() const noexcept override { return static_cast<size_t>(rows_->size()); }
  std::optional<EngineError> do_runs(size_t first, size_t last) const override;

  const std::shared_ptr<const FixedRows> rows_;
  uint8_t* const out_;
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
  void submit(std::shared_ptr<PoolBatch> batch);

  /// Ends the threads; batches that are not done fail. Idempotent.
  void close();

 private:
  void adapt_to_fork();

  int threads_;
  std::shared_ptr<PoolBatch::Shared> shared_;
};

}  // namespace tql_engine
