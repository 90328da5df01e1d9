// Applies one-dimensional loops to vectors: scalars in one call, packed arrays in one call, the rest row by
// row.
#include "tql_engine/loops.h"

#include <algorithm>
#include <cstring>

namespace tql_engine {
namespace {

template <class T>
void copy(const void*, const void* x, int64_t x_step, void* out, int64_t n) {
  const T* __restrict from = static_cast<const T*>(x);
  T* __restrict to = static_cast<T*>(out);
  if (x_step == 1) {
    std::copy_n(from, n, to);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * x_step];
  }
}

/// The operand of one row, its axes aligned to the rank of the result; strides are 0 where it stretches.
struct Operand {
  const std::byte* values = nullptr;
  int64_t size = 1;
  std::array<int64_t, kMaxRank> strides{};

  void set(const Vector& x, int64_t row, const int64_t* dims, int rank) noexcept {
    values = x.row_values(row);
    size = element_size(x.element);
    const int shift = rank - x.rank;
    for (int axis = 0; axis < rank; ++axis) {
      const bool stretches = axis < shift || (x.row_dims(row)[axis - shift] == 1 && dims[axis] != 1);
      strides[static_cast<size_t>(axis)] = stretches ? 0 : x.row_strides(row)[axis - shift];
    }
  }
};

/// Applies the loop to all elements of one row, in C order, into contiguous `out`.
bool apply_row(BinaryLoop loop, Operand& x, Operand& y, const int64_t* dims, int rank, std::byte* out,
               int64_t out_size) {
  const auto last = static_cast<size_t>(rank - 1);
  std::array<int64_t, kMaxRank> index{};
  bool accepted = true;
  for (;;) {
    accepted &= loop(x.values, x.strides[last], y.values, y.strides[last], out, dims[last]);
    out += dims[last] * out_size;
    int axis = rank - 2;
    for (; axis >= 0; --axis) {
      const auto a = static_cast<size_t>(axis);
      x.values += x.strides[a] * x.size;
      y.values += y.strides[a] * y.size;
      if (++index[a] < dims[axis]) break;
      x.values -= x.strides[a] * dims[axis] * x.size;
      y.values -= y.strides[a] * dims[axis] * y.size;
      index[a] = 0;
    }
    if (axis < 0) return accepted;
  }
}

const uint8_t* merge_valid(const Vector& x, const Vector& y, int64_t rows, Register& out) {
  if (x.valid == nullptr || y.valid == nullptr) return x.valid != nullptr ? x.valid : y.valid;
  auto* valid = out.valid.reserve<uint8_t>(rows);
  for (int64_t row = 0; row < rows; ++row) valid[row] = x.valid[row] & y.valid[row];
  return valid;
}

/// The result has the rows, extents and order of `x`, which is packed or has the same dims in every row.
std::byte* make_like(const Vector& x, Element element, int64_t rows, Register& out) {
  if (x.rank == 0) return out.make_scalars(element, rows, x.is_constant());
  out.vector = Vector{};
  out.vector.element = element;
  out.vector.rank = x.rank;
  out.vector.dims = x.dims;
  out.vector.dims_step = x.dims_step;
  std::byte* values = out.pack(x.is_constant() ? 1 : rows);
  if (x.is_constant()) out.vector.starts_step = 0;
  return values;
}

/// Of a vector whose elements are a run.
int64_t total_elements(const Vector& x, int64_t rows) noexcept {
  if (rows == 0) return 0;
  if (x.is_constant()) return x.row_elements(0);
  return (x.starts[rows - 1] - x.starts[0]) / x.run_step + x.row_elements(rows - 1);
}

/// Every row has the same extents on both sides.
bool has_same_shapes(const Vector& x, const Vector& y, int64_t rows) noexcept {
  if (x.rank != y.rank || x.dims_step != y.dims_step) return false;
  const int64_t count = x.dims_step == 0 ? x.rank : rows * x.rank;
  return x.dims == y.dims || std::equal(x.dims, x.dims + count, y.dims);
}

/// Arrays whose elements are one run each, element by element: of the same shapes, or one of them a constant
/// scalar. False where the operands have another form, or an element was refused.
bool apply_runs(BinaryLoop loop, const Vector& x, const Vector& y, int64_t rows, Element element,
                Register& out) {
  const auto is_run = [](const Vector& v) { return v.run_step != 0 && !v.is_constant(); };
  const auto is_scalar = [](const Vector& v) { return v.rank == 0 && v.is_constant(); };
  const bool both = is_run(x) && is_run(y) && has_same_shapes(x, y, rows);
  if (!both && !(is_run(x) && is_scalar(y)) && !(is_scalar(x) && is_run(y))) return false;
  const Vector& array = x.rank > 0 ? x : y;
  const uint8_t* valid = merge_valid(x, y, rows, out);
  std::byte* values = make_like(array, element, rows, out);
  out.vector.valid = valid;
  const auto step = [](const Vector& v) { return v.rank == 0 ? 0 : v.run_step; };
  return loop(x.row_values(0), step(x), y.row_values(0), step(y), values, total_elements(array, rows));
}

void apply_scalars(Frame& frame, BinaryLoop loop, const Vector& x, const Vector& y, Element element,
                   Register& out, const char* refusal) {
  const int64_t rows = frame.size();
  const bool constant = x.is_constant() && y.is_constant() && x.valid == nullptr && y.valid == nullptr;
  const uint8_t* valid = merge_valid(x, y, rows, out);
  std::byte* values = out.make_scalars(element, rows, constant);
  out.vector.valid = valid;
  const int64_t count = constant ? std::min<int64_t>(rows, 1) : rows;
  if (loop(x.values, x.step, y.values, y.step, values, count)) return;
  for (int64_t row = 0; row < count; ++row) {
    if (valid != nullptr && valid[row] == 0) continue;
    if (!loop(x.row_values(row), 0, y.row_values(row), 0, values + row * element_size(element), 1)) {
      frame.fail(Code::kRuntime, refusal, row);
    }
  }
}

void apply_arrays(Frame& frame, BinaryLoop loop, const Vector& x, const Vector& y, Element element,
                  Register& out, const char* refusal) {
  const int64_t rows = frame.size();
  const int rank = std::max(x.rank, y.rank);
  const uint8_t* valid = merge_valid(x, y, rows, out);
  const auto parts = out.make_arrays(element, rank, rows);
  for (int64_t row = 0; row < rows; ++row) {
    int64_t* dims = parts.dims + row * rank;
    const bool null = valid != nullptr && valid[row] == 0;
    if (!null && broadcast_dims(x.row_dims(row), x.rank, y.row_dims(row), y.rank, dims)) continue;
    std::fill_n(dims, rank, int64_t{0});
    if (!null) frame.conflict(row, x.row_dims(row), x.rank, y.row_dims(row), y.rank);
  }
  std::byte* values = out.pack(rows);
  out.vector.valid = valid;
  const int64_t size = element_size(element);
  Operand left;
  Operand right;
  for (int64_t row = 0; row < rows; ++row) {
    if (out.vector.row_elements(row) == 0) continue;
    const int64_t* dims = out.vector.row_dims(row);
    left.set(x, row, dims, rank);
    right.set(y, row, dims, rank);
    if (!apply_row(loop, left, right, dims, rank, values + out.vector.starts[row] * size, size)) {
      frame.fail(Code::kRuntime, refusal, row);
    }
  }
}

}  // namespace

UnaryLoop copy_loop(Element element) noexcept {
  switch (element_size(element)) {
    case 1:
      return &copy<uint8_t>;
    case 2:
      return &copy<uint16_t>;
    case 4:
      return &copy<uint32_t>;
    case 8:
      return &copy<uint64_t>;
    default:
      return &copy<std::string_view>;
  }
}

bool broadcast_dims(const int64_t* x, int x_rank, const int64_t* y, int y_rank, int64_t* out) noexcept {
  const int rank = std::max(x_rank, y_rank);
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t left = axis < rank - x_rank ? 1 : x[axis - (rank - x_rank)];
    const int64_t right = axis < rank - y_rank ? 1 : y[axis - (rank - y_rank)];
    if (left != right && left != 1 && right != 1) return false;
    out[axis] = left == 1 ? right : left;
  }
  return true;
}

void apply_unary(Frame& frame, UnaryLoop loop, const void* state, const Vector& x, Element element,
                 Register& out) {
  const int64_t rows = frame.size();
  std::byte* values = make_like(x, element, rows, out);
  out.vector.valid = x.valid;
  if (rows == 0) return;
  if (x.rank == 0) return loop(state, x.values, x.step, values, x.is_constant() ? 1 : rows);
  if (x.run_step != 0) return loop(state, x.row_values(0), x.run_step, values, total_elements(x, rows));
  const int64_t size = element_size(element);
  for (int64_t row = 0; row < (x.is_constant() ? 1 : rows); ++row) {
    std::byte* target = values + out.vector.starts[row] * size;
    for_each_run(x, row, [&](const void* run, int64_t step, int64_t n) {
      loop(state, run, step, target, n);
      target += n * size;
    });
  }
}

void apply_binary(Frame& frame, BinaryLoop loop, const Vector& x, const Vector& y, Element element,
                  Register& out, const char* refusal) {
  if (x.rank == 0 && y.rank == 0) return apply_scalars(frame, loop, x, y, element, out, refusal);
  // A refused element has to be found row by row.
  if (frame.size() > 0 && apply_runs(loop, x, y, frame.size(), element, out)) return;
  apply_arrays(frame, loop, x, y, element, out, refusal);
}

void copy_with_zero_for_null(Frame& frame, const Vector& x, Register& out) {
  const int64_t rows = frame.size();
  const int64_t size = element_size(x.element);
  const UnaryLoop loop = copy_loop(x.element);
  if (x.rank == 0) {
    std::byte* values = out.make_scalars(x.element, rows);
    loop(nullptr, x.values, x.step, values, rows);
    for (int64_t row = 0; row < rows; ++row) {
      if (!x.is_valid(row)) std::memset(values + row * size, 0, static_cast<size_t>(size));
    }
    return;
  }
  const auto parts = out.make_arrays(x.element, x.rank, rows);
  for (int64_t row = 0; row < rows; ++row) {
    if (x.is_valid(row)) {
      std::copy_n(x.row_dims(row), x.rank, parts.dims + row * x.rank);
    } else {
      std::fill_n(parts.dims + row * x.rank, x.rank, int64_t{1});
    }
  }
  std::byte* values = out.pack(rows);
  for (int64_t row = 0; row < rows; ++row) {
    std::byte* target = values + out.vector.starts[row] * size;
    if (!x.is_valid(row)) {
      std::memset(target, 0, static_cast<size_t>(size));
      continue;
    }
    for_each_run(x, row, [&](const void* run, int64_t step, int64_t n) {
      loop(nullptr, run, step, target, n);
      target += n * size;
    });
  }
}

}  // namespace tql_engine
