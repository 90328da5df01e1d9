// The rows that pass a filter, as one bitmap that its tasks write to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "filter_waves.h"
#include "task_bits.h"
#include "tql_engine/selection.h"

namespace tql_engine {

/// Bits of rows by their numbers in the source. A word is written by one task alone, or added to by all that
/// share it.
class FilterBits {
 public:
  /// All rows below `rows.stop`. Words get ready with the waves that they are in, one wave after the other.
  void start(RowRange rows) {
    origin_ = 0;
    bits_ = Bitmap::uninitialized(rows.stop);
    ready_ = 0;
    clear_before(rows.start);
  }

  /// Some rows alone, none of which passes yet.
  void start_piece(RowRange rows) {
    origin_ = rows.start - rows.start % kWordBits;
    bits_ = Bitmap(rows.stop - origin_);
  }

  /// No row below `stop` that was not in any wave yet passes.
  void clear_before(int64_t stop) {
    const int64_t words = (stop + kWordBits - 1) / kWordBits;
    for (; ready_ < words; ++ready_) bits_.words()[static_cast<size_t>(ready_)] = 0;
  }

  /// The same of the words that these rows share with others; tasks will write all of the words between.
  void expect(RowRange rows) {
    clear_before(rows.start);
    ready_ = std::max(ready_, rows.stop / kWordBits);
    clear_before(rows.stop);
  }

  void insert(RowRange rows) { bits_.insert_range(rows.start - origin_, rows.stop - origin_); }

  void erase(int64_t row) noexcept {
    const int64_t bit = row - origin_;
    bits_.words()[static_cast<size_t>(bit / kWordBits)] &= ~(uint64_t{1} << (bit % kWordBits));
  }

  int64_t count(RowRange rows) const noexcept {
    return bits_.count(rows.start - origin_, rows.stop - origin_);
  }

  /// Calls visit(row) for each row that passes.
  template <class Visit>
  void for_each(RowRange rows, const Visit& visit) const {
    bits_.for_each(rows.start - origin_, rows.stop - origin_, [&](int64_t bit) { visit(origin_ + bit); });
  }

  /// The words of rows that share none with others: both ends are multiples of 64.
  std::span<uint64_t> words(RowRange rows) noexcept {
    return bits_.words().subspan(static_cast<size_t>((rows.start - origin_) / kWordBits),
                                 static_cast<size_t>(rows_of(rows) / kWordBits));
  }

  void load(TaskBits& task) noexcept { task.load(bits_, origin_); }
  void store(const TaskBits& task, bool keep) { task.store(bits_, origin_, keep); }

  /// The row of bit 0 of the bitmap.
  int64_t origin() const noexcept { return origin_; }
  Bitmap& bitmap() noexcept { return bits_; }

 private:
  static constexpr int64_t kWordBits = Bitmap::kWordBits;

  Bitmap bits_;
  int64_t origin_ = 0;
  int64_t ready_ = 0;  // words before it have been written to, or will be by the wave that runs
};

}  // namespace tql_engine
