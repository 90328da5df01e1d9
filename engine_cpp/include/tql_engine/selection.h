// Which rows of a source, in which order. Cheap to copy, immutable, safe to share between threads.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "tql_engine/heap_array.h"

namespace tql_engine {

class Draws;
class RowWeights;
class ThreadPool;

/// A set of rows [0, size()), one bit each. Filled by one thread per word.
class Bitmap {
 public:
  static constexpr int64_t kWordBits = 64;

  Bitmap() = default;
  explicit Bitmap(int64_t size)
      : size_(size),
        words_(HeapArray<uint64_t>::zeroed(static_cast<size_t>((size + kWordBits - 1) / kWordBits))) {}
  /// Of any content: every word is to be written before anybody reads it.
  static Bitmap uninitialized(int64_t size) {
    Bitmap made;
    made.size_ = size;
    made.words_ = HeapArray<uint64_t>(static_cast<size_t>((size + kWordBits - 1) / kWordBits));
    return made;
  }

  int64_t size() const noexcept { return size_; }
  /// Bit r % 64 of word r / 64 is row r. Bits at and beyond size() must stay 0.
  std::span<uint64_t> words() noexcept { return words_.values(); }
  std::span<const uint64_t> words() const noexcept { return words_.values(); }

  bool contains(int64_t row) const noexcept { return (words()[word(row)] >> (row % kWordBits) & 1) != 0; }
  void insert(int64_t row) noexcept { words()[word(row)] |= uint64_t{1} << (row % kWordBits); }
  /// Adds rows [begin, end).
  void insert_range(int64_t begin, int64_t end) noexcept;
  /// How many rows of [begin, end) are in the set.
  int64_t count(int64_t begin, int64_t end) const noexcept;
  int64_t count() const noexcept { return count(0, size_); }

  /// Calls visit(row) for each row of [begin, end) in the set, ascending.
  template <class Visit>
  void for_each(int64_t begin, int64_t end, Visit&& visit) const {
    for (int64_t base = begin - begin % kWordBits; base < end; base += kWordBits) {
      uint64_t bits = words()[word(base)];
      if (base < begin) bits &= ~uint64_t{0} << (begin - base);
      if (end - base < kWordBits) bits &= ~(~uint64_t{0} << (end - base));
      for (; bits != 0; bits &= bits - 1) visit(base + std::countr_zero(bits));
    }
  }

 private:
  static size_t word(int64_t row) noexcept { return static_cast<size_t>(row / kWordBits); }

  int64_t size_ = 0;
  HeapArray<uint64_t> words_;
};

class Selection {
 public:
  enum class Kind : uint8_t { kRange, kBitmap, kIndices };

  /// No rows.
  Selection() : Selection(range(0, 0)) {}

  /// Rows [start, stop); empty where stop <= start.
  static Selection range(int64_t start, int64_t stop);
  /// The rows of a set, ascending. Becomes a range where they are contiguous and an index list where that is
  /// smaller. `count`: the number of rows if the caller knows it, else -1.
  static Selection from_bitmap(Bitmap bitmap, int64_t count = -1);
  /// These rows in this order, repeats allowed; none negative. Becomes a range where they are contiguous.
  static Selection from_indices(HeapArray<int64_t> indices, ThreadPool* pool = nullptr);
  static Selection from_indices(const std::vector<int64_t>& indices);
  /// Drawn rows in the order in which they were drawn, with their weights; both are made on first use.
  static Selection from_draws(std::shared_ptr<const Draws> draws);
  /// One byte per row, any value but 0 selects.
  static Selection from_mask(std::span<const uint8_t> mask);

  int64_t size() const noexcept;
  Kind kind() const noexcept;
  /// Strictly ascending row numbers: no repeats, storage order.
  bool ascending() const noexcept;
  /// The largest row number + 1, 0 where there is none.
  int64_t row_bound() const noexcept;

  /// The rows in order. Made on first use, in parallel where a pool is given, and then kept.
  std::span<const int64_t> indices(ThreadPool* pool = nullptr) const;
  /// Copies the rows at positions [first, first + out.size()), without making indices().
  void copy_rows(int64_t first, std::span<int64_t> out) const;
  /// The rows as a set. `size` >= row_bound().
  Bitmap to_bitmap(int64_t size) const;

  /// Of ascending selections: is the row selected.
  bool contains(int64_t row) const noexcept;
  /// Of ascending selections: how many rows below `row` are selected, which is the position of the first that
  /// is not below it. Rows [a, b) of the source are positions [rank(a), rank(b)).
  int64_t rank(int64_t row) const;

  /// Positions [start, start + count), clipped, with their weights.
  Selection slice(int64_t start, int64_t count) const;
  /// The rows at these positions in this order, with their weights. Throws EngineError(kValue) for a position
  /// that is out of range.
  Selection select(std::span<const int64_t> positions, ThreadPool* pool = nullptr) const;

  /// The same rows with a weight beside each; weights->size() == size().
  Selection with_weights(std::shared_ptr<const RowWeights> weights) const;
  /// Empty pointer: none.
  const std::shared_ptr<const RowWeights>& weights() const noexcept { return weights_; }
  /// How often each row comes, where the rows were drawn with replacement; an empty pointer elsewhere.
  const std::shared_ptr<const Draws>& draws() const noexcept;

  /// Keeps what indices() points to alive.
  std::shared_ptr<const void> owner() const noexcept { return rows_; }

 private:
  class Rows;
  explicit Selection(std::shared_ptr<const Rows> rows, std::shared_ptr<const RowWeights> weights = nullptr)
      : rows_(std::move(rows)), weights_(std::move(weights)) {}

  std::shared_ptr<const Rows> rows_;
  std::shared_ptr<const RowWeights> weights_;
};

}  // namespace tql_engine
