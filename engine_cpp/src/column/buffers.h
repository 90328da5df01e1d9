// What the files about columns share: the buffers of a column that the engine itself made, and checked sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tql_engine/counted_vector.h"
#include "tql_engine/heap_array.h"

namespace tql_engine::column_parts {

[[noreturn]] inline void refuse(const std::string& message) { throw std::invalid_argument(message); }

inline int64_t bytes_of(int64_t count, int64_t size) {
  int64_t bytes = 0;
  if (count < 0 || __builtin_mul_overflow(count, size, &bytes)) refuse("a column is too large");
  return bytes;
}

inline void copy_bytes(std::byte* to, const void* from, int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
}

struct Buffers {
  HeapArray<std::byte> values;
  CountedVector<int64_t> offsets;
  CountedVector<int64_t> row_offsets;
  CountedVector<int64_t> shapes;
  CountedVector<uint8_t> validity;

  std::byte* allocate(int64_t bytes) {
    values = HeapArray<std::byte>(static_cast<size_t>(bytes));
    return values.values().data();
  }
};

}  // namespace tql_engine::column_parts
