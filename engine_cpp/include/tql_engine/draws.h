// Independent weighted draws as what they are made of: how often each row was drawn. The order in which they
// were drawn is random too, and worked out only when somebody asks for it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tql_engine/heap_array.h"
#include "tql_engine/interruptible_pool.h"
#include "tql_engine/sampling.h"

namespace tql_engine {

/// Rows and how often each of them comes.
struct Repeats {
  HeapArray<int64_t> rows;    // each once
  HeapArray<int64_t> counts;  // > 0
};

class Draws {
 public:
  /// How many there are, repeats counted.
  int64_t size() const noexcept { return starts_.back(); }
  /// The largest row drawn + 1, 0 if there is none.
  int64_t row_bound() const noexcept;

  /// The rows in the order in which they were drawn, [size()].
  HeapArray<int64_t> rows(InterruptiblePool pool) const;
  /// The weights of rows(), [size()].
  HeapArray<double> weights(InterruptiblePool pool) const;
  /// The rows ascending, each once.
  Repeats repeats(InterruptiblePool pool) const;

  /// The same draws, row i of them as rows[i], which ascend.
  Draws renamed(std::span<const int64_t> rows) &&;
  /// The same draws, row i of them as `start` + i.
  Draws renamed(int64_t start) &&;

 private:
  friend Draws draw_with_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                     InterruptiblePool pool);

  /// What was drawn of some consecutive rows.
  struct Piece {
    std::span<int64_t> rows;  // ascending
    std::span<uint32_t> counts;
    std::span<double> weights;
  };

  /// Room for pieces.
  struct Storage {
    explicit Storage(size_t size) : rows(size), counts(size), weights(size) {}

    HeapArray<int64_t> rows;
    HeapArray<uint32_t> counts;
    HeapArray<double> weights;
  };

  class Recorder;

  Draws(RandomKey key, std::vector<Storage> storage, std::vector<Piece> pieces, std::vector<int64_t> starts);

  template <class Value, class Result, class ValuesOf>
  HeapArray<Result> in_order(InterruptiblePool& pool, const ValuesOf& values_of) const;

  RandomKey key_;
  std::vector<Storage> storage_;
  std::vector<Piece> pieces_;    // in the order of their rows, none of them empty
  std::vector<int64_t> starts_;  // draws before each piece, and all
};

/// `size` independent draws, row i with probability weights[i] / sum. O(rows + size).
///
/// NaN and negative weights count as 0, and a row of weight 0 is never drawn. Throws EngineError(kValue) for
/// an infinite weight (naming its row), for a size that is negative or above 2^32 - 1, and if every weight
/// is 0 while there are rows and size > 0. No rows: no draws.
Draws draw_with_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                            InterruptiblePool pool);

}  // namespace tql_engine
