// Scratch memory of registers.
#include "tql_engine/vector.h"

#include <algorithm>
#include <new>

namespace tql_engine {
namespace {

constexpr int64_t kLargeScratch = 4 << 20;

}  // namespace

std::byte* Buffer::reserve_bytes(int64_t count, int64_t size) {
  int64_t bytes = 0;
  if (count < 0 || __builtin_mul_overflow(count, size, &bytes) || bytes > (int64_t{1} << 46))
    throw std::bad_alloc();
  if (bytes > capacity_ || bytes_ == nullptr) {
    const int64_t capacity =
        bytes > kLargeScratch ? bytes : std::max<int64_t>({bytes, capacity_ + capacity_ / 2, 256});
    bytes_.reset();
    capacity_ = 0;
    if (capacity > kLargeScratch) reserved_.grow_to(capacity);
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(static_cast<size_t>(capacity));
    capacity_ = capacity;
  }
  return bytes_.get();
}

std::byte* Register::make_scalars(Element element, int64_t rows, bool constant) {
  std::byte* target = values.reserve_bytes(constant ? 1 : rows, element_size(element));
  vector = Vector{};
  vector.element = element;
  vector.values = target;
  vector.step = constant ? 0 : 1;
  return target;
}

uint8_t* Register::make_valid(int64_t rows) {
  auto* target = valid.reserve<uint8_t>(rows);
  vector.valid = target;
  return target;
}

Register::ArrayParts Register::make_arrays(Element element, int rank, int64_t rows) {
  vector = Vector{};
  vector.element = element;
  vector.rank = rank;
  auto* row_starts = starts.reserve<int64_t>(rows);
  auto* row_dims = dims.reserve<int64_t>(rows * rank);
  vector.starts = row_starts;
  vector.dims = row_dims;
  vector.dims_step = rank;
  return {row_starts, row_dims};
}

std::byte* Register::pack(int64_t rows) {
  const int rank = vector.rank;
  const bool one_stride = rank == 1 || vector.dims_step == 0;
  auto* row_strides = strides.reserve<int64_t>(one_stride ? rank : rows * rank);
  if (rank == 1) {
    row_strides[0] = 1;
  } else if (one_stride) {
    write_strides(vector.dims, rank, row_strides);
  }
  auto* row_starts = starts.reserve<int64_t>(rows);
  int64_t total = 0;
  const auto fixed = vector.dims_step == 0 ? checked_product(vector.dims, rank) : std::nullopt;
  for (int64_t row = 0; row < rows; ++row) {
    row_starts[row] = total;
    if (!one_stride) write_strides(vector.row_dims(row), rank, row_strides + row * rank);
    int64_t elements = 0;
    if (fixed) {
      elements = *fixed;
    } else if (rank == 1) {
      elements = *vector.row_dims(row);
      if (elements < 0) throw std::bad_alloc();
    } else {
      const auto product = checked_product(vector.row_dims(row), rank);
      if (!product) throw std::bad_alloc();
      elements = *product;
    }
    if (__builtin_add_overflow(total, elements, &total)) throw std::bad_alloc();
  }
  vector.starts = row_starts;
  vector.starts_step = 1;
  vector.strides = row_strides;
  vector.strides_step = one_stride ? 0 : rank;
  vector.run_step = 1;
  std::byte* target = values.reserve_bytes(total, element_size(vector.element));
  vector.values = target;
  return target;
}

Register& Register::scratch(size_t which) {
  auto& slot = scratch_[which];
  if (slot == nullptr) slot = std::make_unique<Register>();
  return *slot;
}

}  // namespace tql_engine
