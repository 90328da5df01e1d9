// From a vector, which points into scratch memory, to a column that stands for itself.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/loops.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

struct Buffers {
  HeapArray<std::byte> values;
  CountedVector<char> text;
  CountedVector<int64_t> offsets;
  CountedVector<int64_t> row_offsets;
  CountedVector<int64_t> shapes;
  CountedVector<uint8_t> validity;
};

/// Copies one row in C order to `target` and returns its end.
std::byte* copy_row(const Vector& vector, int64_t row, UnaryLoop loop, std::byte* target) {
  for_each_run(vector, row, [&](const void* run, int64_t step, int64_t n) {
    loop(nullptr, run, step, target, n);
    target += n * element_size(vector.element);
  });
  return target;
}

void copy_strings(const Vector& vector, int64_t rows, Buffers& buffers) {
  buffers.row_offsets.assign(1, 0);
  buffers.offsets.assign(1, 0);
  for (int64_t row = 0; row < rows; ++row) {
    if (vector.is_valid(row)) {
      for_each_run(vector, row, [&](const void* run, int64_t step, int64_t n) {
        const auto* strings = static_cast<const std::string_view*>(run);
        for (int64_t i = 0; i < n; ++i) {
          const std::string_view string = strings[i * step];
          buffers.text.insert(buffers.text.end(), string.begin(), string.end());
          buffers.offsets.push_back(static_cast<int64_t>(buffers.text.size()));
        }
      });
    } else if (vector.rank == 0) {
      buffers.offsets.push_back(buffers.offsets.back());
    }
    buffers.row_offsets.push_back(static_cast<int64_t>(buffers.offsets.size()) - 1);
  }
}

/// Every row that is not NULL has the shape that the plan promises.
bool keeps_shape(const Vector& vector, int64_t rows, const Type& type) noexcept {
  if (!type.is_fixed() || static_cast<int>(type.shape->size()) != vector.rank) return false;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t* dims = vector.row_dims(row);
    if (vector.is_valid(row) && !std::equal(type.shape->begin(), type.shape->end(), dims)) return false;
  }
  return true;
}

Column materialize_dense(const Vector& vector, int64_t rows, std::vector<int64_t> shape,
                         std::shared_ptr<Buffers> buffers) {
  const int64_t size = element_size(vector.element);
  const auto elements = checked_product(shape.data(), vector.rank);
  int64_t total = 0;
  if (!elements || __builtin_mul_overflow(*elements, rows * size, &total)) throw std::bad_alloc();
  buffers->values = HeapArray<std::byte>(static_cast<size_t>(total));
  std::byte* target = buffers->values.values().data();
  const UnaryLoop loop = copy_loop(vector.element);
  if (vector.rank == 0) {
    loop(nullptr, vector.values, vector.step, target, rows);
  } else {
    const int64_t row_bytes = *elements * size;
    for (int64_t row = 0; row < rows; ++row, target += row_bytes) {
      if (vector.is_valid(row)) {
        copy_row(vector, row, loop, target);
      } else if (row_bytes > 0) {
        std::memset(target, 0, static_cast<size_t>(row_bytes));
      }
    }
  }
  return Column::dense(vector.element, buffers->values.values().data(), total, rows, std::move(shape),
                       buffers->validity, buffers);
}

Column materialize_ragged(const Vector& vector, int64_t rows, std::shared_ptr<Buffers> buffers) {
  const int64_t size = element_size(vector.element);
  buffers->offsets.resize(static_cast<size_t>(rows) + 1);
  buffers->shapes.reserve(static_cast<size_t>(rows * vector.rank));
  int64_t total = 0;
  for (int64_t row = 0; row < rows; ++row) {
    buffers->offsets[static_cast<size_t>(row)] = total;
    if (__builtin_add_overflow(total, vector.row_elements(row), &total)) throw std::bad_alloc();
    buffers->shapes.insert(buffers->shapes.end(), vector.row_dims(row), vector.row_dims(row) + vector.rank);
  }
  buffers->offsets.back() = total;
  buffers->values = HeapArray<std::byte>(static_cast<size_t>(total * size));
  const UnaryLoop loop = copy_loop(vector.element);
  std::byte* target = buffers->values.values().data();
  for (int64_t row = 0; row < rows; ++row) target = copy_row(vector, row, loop, target);
  return Column::ragged(vector.element, buffers->values.values().data(), total, buffers->offsets,
                        buffers->shapes, vector.rank, buffers->validity, buffers);
}

}  // namespace

Column materialize(const Vector& vector, int64_t rows, const Type& type) {
  auto buffers = std::make_shared<Buffers>();
  if (vector.valid != nullptr) buffers->validity.assign(vector.valid, vector.valid + rows);
  if (vector.element == Element::kText) {
    if (vector.rank > 1)
      throw EngineError(Code::kType, "arrays of text with several axes cannot be returned");
    copy_strings(vector, rows, *buffers);
    if (vector.rank == 0) return Column::text(buffers->offsets, buffers->text, buffers->validity, buffers);
    return Column::text_list(buffers->row_offsets, buffers->offsets, buffers->text, buffers->validity,
                             buffers);
  }
  if (vector.rank == 0) return materialize_dense(vector, rows, {}, std::move(buffers));
  if (keeps_shape(vector, rows, type))
    return materialize_dense(vector, rows, *type.shape, std::move(buffers));
  return materialize_ragged(vector, rows, std::move(buffers));
}

}  // namespace tql_engine
