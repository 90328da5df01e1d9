// A row that comes again soon: made once, by the first thread that needs it, and copied by the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "tql_engine/encoded_rows.h"

namespace tql_engine {

/// Has memory of its own for all that it needs, so it depends on no batch, and on no order among them: a
/// batch that is cancelled or fails leaves the row to the next one.
class KeptRow {
 public:
  /// Copies the stored bytes of row `row`.
  KeptRow(const EncodedRows& rows, int64_t row);

  /// This row alone.
  const EncodedRows& encoded() const noexcept { return encoded_; }

  /// `bytes` bytes that `make` has filled: the first call does it that does not throw. Every call must ask
  /// for the same. They stay as they are as long as the row lives.
  template <class Make>
  const uint8_t* value(size_t bytes, const Make& make) {
    const std::lock_guard lock(mutex_);
    if (value_ == nullptr) {
      std::unique_ptr<uint8_t[]> fresh(new uint8_t[bytes]);  // not make_unique, which would clear it
      make(fresh.get());
      value_ = std::move(fresh);
    }
    return value_.get();
  }

 private:
  std::vector<uint8_t> stored_;
  EncodedRows encoded_;
  std::mutex mutex_;
  std::unique_ptr<uint8_t[]> value_;
};

}  // namespace tql_engine
