// What is computed of the elements of an array, apart from how they are walked over.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tql_engine/types.h"
#include "tql_engine/vector.h"

namespace tql_engine {

/// What a reducer knows so far of one row.
struct alignas(16) ReducerState {
  std::array<std::byte, 16> bytes;

  template <class T>
  T& as() noexcept {
    return *reinterpret_cast<T*>(bytes.data());
  }
};

/// A reducer, type-erased: begin, any number of runs, end. `end` gets the number of elements and returns
/// false for NULL. `rows` does all that for rows that have values and are one run each, sets has_value[row]
/// to 0 for those that become NULL, and returns whether there are any.
struct Reducer {
  void (*begin)(ReducerState& state);
  void (*add)(ReducerState& state, const void* x, int64_t step, int64_t n);
  bool (*end)(ReducerState& state, int64_t count, void* out);
  bool (*rows)(const Vector& x, int64_t n, void* out, uint8_t* has_value) = nullptr;
};

/// One reducer per element; without `add` for elements that have none.
using Reducers = std::array<Reducer, kElementCount>;

extern const Reducers kAny;
extern const Reducers kAll;
extern const Reducers kAllStrict;  // false where there is no element
extern const Reducers kSum;
extern const Reducers kProduct;
extern const Reducers kMin;
extern const Reducers kMax;

extern const Reducer kAverage;  // of elements that were made doubles

extern const Reducer kCount;

}  // namespace tql_engine
