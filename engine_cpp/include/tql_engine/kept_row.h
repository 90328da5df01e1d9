// A row that comes again soon: made once, by the first thread that needs it, and copied by the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "tql_engine/encoded_rows.h"
#include "tql_engine/row_memory.h"

namespace tql_engine {

/// Has memory of its own for all that it needs, so it depends on no batch, and on no order among them: a
/// batch that is cancelled or fails leaves the row to the next one.
class KeptRow {
 public:
  /// Row `row`, whose stored bytes are copied: at once, or by fill() where they are still to be read.
  KeptRow(const EncodedRows& rows, int64_t row, std::shared_ptr<RowMemory> memory);

  /// This row alone. Its stored bytes are there once fill() has returned.
  const EncodedRows& encoded() const noexcept { return encoded_; }

  /// Throws EngineError if the stored bytes can't be read; may be tried again.
  void fill();

  /// `bytes` bytes that `make` has filled: the first call does it that does not throw. Every call must ask
  /// for the same. They stay as they are as long as the row lives.
  template <class Make>
  const uint8_t* value(size_t bytes, const Make& make) {
    const std::lock_guard lock(mutex_);
    if (!value_) {
      Bytes fresh = allocate(bytes);
      make(fresh.get());
      value_ = std::move(fresh);
    }
    return value_.get();
  }

 private:
  struct Free {
    std::shared_ptr<RowMemory> memory;
    size_t bytes;
    void operator()(uint8_t* pointer) const noexcept { memory->free(pointer, bytes); }
  };
  using Bytes = std::unique_ptr<uint8_t[], Free>;

  Bytes allocate(size_t bytes) const;

  const std::shared_ptr<RowMemory> memory_;
  const Bytes stored_;
  const EncodedRows encoded_;
  std::mutex mutex_;
  std::optional<EncodedRows> source_;  // until the stored bytes are copied
  Bytes value_;
};

}  // namespace tql_engine
