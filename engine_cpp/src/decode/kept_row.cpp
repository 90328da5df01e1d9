#include "tql_engine/kept_row.h"

#include <algorithm>
#include <utility>

namespace tql_engine {

KeptRow::KeptRow(const EncodedRows& rows, int64_t row, std::shared_ptr<RowMemory> memory)
    : memory_(std::move(memory)),
      stored_(allocate(rows.stored_size(row))),
      encoded_(rows.moved(row, {stored_.get(), rows.stored_size(row)})),
      source_(rows.take({&row, 1})) {
  if (source_->is_read(0)) fill();
}

void KeptRow::fill() {
  const std::lock_guard lock(mutex_);
  if (!source_) return;
  std::ranges::copy(source_->stored(0), stored_.get());
  source_.reset();
}

KeptRow::Bytes KeptRow::allocate(size_t bytes) const {
  return Bytes(memory_->allocate(bytes), Free{memory_, bytes});
}

}  // namespace tql_engine
