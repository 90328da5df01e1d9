// Vectors: what a register of a program holds while it is evaluated over a few thousand rows. They own
// nothing; a slice or a subscript of a column is a vector over the column's own memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "tql_engine/memory_budget.h"
#include "tql_engine/text_arena.h"
#include "tql_engine/types.h"

namespace tql_engine {

/// The values of one register, row 0 .. n - 1. Two forms:
/// - rank 0: row i is element `i * step` of `values`; step 0 is a constant;
/// - rank > 0: row i is an array that starts at element starts[i * starts_step] of `values`, with the extents
///   dims[i * dims_step + axis] and the strides strides[i * strides_step + axis], in elements.
/// The rank is the same for all rows, whatever the extents.
struct Vector {
  Element element = Element::kBool;
  int rank = 0;
  const std::byte* values = nullptr;
  int64_t step = 1;
  const int64_t* starts = nullptr;
  int64_t starts_step = 1;
  const int64_t* dims = nullptr;
  int64_t dims_step = 0;
  const int64_t* strides = nullptr;
  int64_t strides_step = 0;
  /// One byte per row, 0: NULL; null where every row has a value. The memory behind a NULL row may be read.
  const uint8_t* valid = nullptr;
  /// rank > 0: the elements of all rows, row after row in C order and NULL rows included, lie this many
  /// elements apart, beginning at starts[0]; 0 where they do not.
  int64_t run_step = 0;

  /// The rows lie one behind the other in C order.
  bool is_packed() const noexcept { return run_step == 1; }
  bool is_constant() const noexcept { return rank == 0 ? step == 0 : starts_step == 0; }
  bool is_valid(int64_t row) const noexcept { return valid == nullptr || valid[row] != 0; }
  template <class T>
  const T* data() const noexcept {
    return reinterpret_cast<const T*>(values);
  }
  /// The element of row `row`; rank 0 only.
  template <class T>
  const T& at(int64_t row) const noexcept {
    return data<T>()[row * step];
  }
  const int64_t* row_dims(int64_t row) const noexcept { return dims + row * dims_step; }
  const int64_t* row_strides(int64_t row) const noexcept { return strides + row * strides_step; }
  const std::byte* row_values(int64_t row) const noexcept {
    return values + (rank == 0 ? row * step : starts[row * starts_step]) * element_size(element);
  }
  /// Elements of one row.
  int64_t row_elements(int64_t row) const noexcept {
    int64_t product = 1;
    for (int axis = 0; axis < rank; ++axis) product *= dims[row * dims_step + axis];
    return product;
  }
};

/// Scratch memory that grows and is used again for the next rows. That of a batch of ordinary rows is bounded
/// and counts for no budget; that of rows that are large by themselves does.
class Buffer {
 public:
  /// Room for `count` values; what was in it is lost. Throws MemoryLimitError and std::bad_alloc.
  template <class T>
  T* reserve(int64_t count) {
    return reinterpret_cast<T*>(reserve_bytes(count, sizeof(T)));
  }
  std::byte* reserve_bytes(int64_t count, int64_t size);

 private:
  Reservation reserved_;
  std::unique_ptr<std::byte[]> bytes_;
  int64_t capacity_ = 0;
};

/// A vector and the scratch memory behind what it owns.
struct Register {
  Vector vector;
  Buffer values;
  Buffer starts;
  Buffer dims;
  Buffer strides;
  Buffer valid;
  TextArena texts;                    // behind views of texts that were made here
  std::shared_ptr<const void> owner;  // of memory that the vector points into and nothing else keeps

  /// Makes the vector one scalar per row in scratch memory (or one for all, if `constant`) and returns it.
  std::byte* make_scalars(Element element, int64_t rows, bool constant = false);
  /// Per-row validity in scratch memory, to be filled by the caller.
  uint8_t* make_valid(int64_t rows);
  /// Makes the vector arrays of `rank` axes with room for per-row starts and extents, both to be filled by
  /// the caller; values and strides follow with `pack`.
  struct ArrayParts {
    int64_t* starts;
    int64_t* dims;
  };
  ArrayParts make_arrays(Element element, int rank, int64_t rows);
  /// Lays out the rows whose extents are known one behind the other in C order: sets starts and strides,
  /// reserves the values and returns them. Throws std::bad_alloc if that is too much.
  std::byte* pack(int64_t rows);
  /// A register for an intermediate step, `which` 0 or 1; it lives as long as this one.
  Register& scratch(size_t which);

 private:
  std::array<std::unique_ptr<Register>, 2> scratch_;
};

/// Writes C-order strides of an array, in elements.
inline void write_strides(const int64_t* dims, int rank, int64_t* strides) noexcept {
  int64_t stride = 1;
  for (int axis = rank - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= dims[axis];
  }
}

}  // namespace tql_engine
