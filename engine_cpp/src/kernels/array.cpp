// Shapes, positions, and rows of one element.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "tql_engine/cast.h"
#include "tql_engine/integers.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"
#include "tql_engine/scalar.h"

namespace tql_engine {
namespace {

class Shape final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    const auto parts = out.make_arrays(Element::kInt64, 1, frame.size());
    std::fill_n(parts.dims, frame.size(), int64_t{x.rank});
    auto* extents = reinterpret_cast<int64_t*>(out.pack(frame.size()));
    for (int64_t row = 0; row < frame.size(); ++row) {
      extents = std::copy_n(x.row_dims(row), x.rank, extents);
    }
    out.vector.valid = x.valid;
  }
};

/// Positions of the elements that are not zero: a flat list for rank 1, else one list of indices each.
class Nonzero final : public Operation {
 public:
  explicit Nonzero(UnaryLoop truth) : truth_(truth) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    if (x.rank == 0) frame.fail(Code::kType, "nonzero needs an array");
    const int64_t rows = frame.size();
    const int rank = x.rank == 1 ? 1 : 2;
    std::vector<int64_t> positions;
    std::vector<uint8_t> flags;
    const auto parts = out.make_arrays(Element::kInt64, rank, rows);
    for (int64_t row = 0; row < rows; ++row) {
      flags.clear();
      if (x.is_valid(row)) {
        for_each_run(x, row, [&](const void* values, int64_t step, int64_t n) {
          const size_t done = flags.size();
          flags.resize(done + static_cast<size_t>(n));
          truth_(nullptr, values, step, flags.data() + done, n);
        });
      }
      int64_t found = 0;
      for (size_t i = 0; i < flags.size(); ++i) {
        if (flags[i] == 0) continue;
        append_index(static_cast<int64_t>(i), x.row_dims(row), x.rank, positions);
        ++found;
      }
      parts.dims[row * rank] = found;
      if (rank == 2) parts.dims[row * rank + 1] = x.rank;
    }
    auto* target = reinterpret_cast<int64_t*>(out.pack(rows));
    std::copy(positions.begin(), positions.end(), target);
    out.vector.valid = x.valid;
  }

 private:
  static void append_index(int64_t flat, const int64_t* dims, int rank, std::vector<int64_t>& positions) {
    positions.resize(positions.size() + static_cast<size_t>(rank));
    for (int axis = rank - 1; axis >= 0; --axis) {
      positions[positions.size() - static_cast<size_t>(rank - axis)] = flat % dims[axis];
      flat /= dims[axis];
    }
  }

  UnaryLoop truth_;
};

/// x[y] with a list of positions y, along the first axis.
class Gather final : public Operation {
 public:
  explicit Gather(IntegerReader reader) : reader_(reader) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    const Vector& y = *args[1];
    if (x.rank == 0 || y.rank != 1)
      frame.fail(Code::kInternal, "an array and a list of positions are needed");
    const int64_t rows = frame.size();
    const auto parts = out.make_arrays(x.element, x.rank, rows);
    uint8_t* valid = out.make_valid(rows);
    for (int64_t row = 0; row < rows; ++row) {
      int64_t* dims = parts.dims + row * x.rank;
      valid[row] = static_cast<uint8_t>(x.is_valid(row) && y.is_valid(row) && in_range(x, y, row));
      if (valid[row] == 0) {
        std::fill_n(dims, x.rank, int64_t{0});
        continue;
      }
      std::copy_n(x.row_dims(row), x.rank, dims);
      dims[0] = y.row_dims(row)[0];
    }
    std::byte* target = out.pack(rows);
    const UnaryLoop copy = copy_loop(x.element);
    const int64_t size = element_size(x.element);
    for (int64_t row = 0; row < rows; ++row) {
      if (valid[row] == 0) continue;
      Vector item = x;  // one entry of the first axis
      item.rank = x.rank - 1;
      item.step = 0;
      item.dims = x.row_dims(row) + 1;
      item.strides = x.row_strides(row) + 1;
      item.starts_step = 0;
      item.run_step = 0;
      for (int64_t i = 0; i < y.row_dims(row)[0]; ++i) {
        const int64_t start = x.starts[row * x.starts_step] + position(x, y, row, i) * x.row_strides(row)[0];
        item.starts = &start;
        item.values = item.rank == 0 ? x.values + start * size : x.values;
        item.dims_step = item.strides_step = 0;
        for_each_run(item, 0, [&](const void* values, int64_t step, int64_t n) {
          copy(nullptr, values, step, target, n);
          target += n * size;
        });
      }
    }
  }

 private:
  int64_t position(const Vector& x, const Vector& y, int64_t row, int64_t i) const noexcept {
    const std::byte* value = y.row_values(row) + i * y.row_strides(row)[0] * element_size(y.element);
    const int64_t given = reader_(value);
    return given < 0 ? given + x.row_dims(row)[0] : given;
  }

  bool in_range(const Vector& x, const Vector& y, int64_t row) const noexcept {
    for (int64_t i = 0; i < y.row_dims(row)[0]; ++i) {
      const int64_t at = position(x, y, row, i);
      if (at < 0 || at >= x.row_dims(row)[0]) return false;
    }
    return true;
  }

  IntegerReader reader_;
};

/// Element-wise on equal shapes or with a scalar; arrays of different shapes give one false. NULL is a scalar
/// false.
class Logical final : public Operation {
 public:
  /// `conflicts_always`: the planner saw that the shapes differ in every row and declared a scalar.
  Logical(bool is_and, bool conflicts_always) : is_and_(is_and), conflicts_always_(conflicts_always) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    const Vector& y = *args[1];
    const int64_t rows = frame.size();
    const bool ranks_differ = x.rank != 0 && y.rank != 0 && x.rank != y.rank;
    const int rank = ranks_differ || conflicts_always_ ? 0 : std::max(x.rank, y.rank);
    if (rank == 0) {
      auto* result = reinterpret_cast<uint8_t*>(out.make_scalars(Element::kBool, rows));
      const bool conflict = x.rank != 0 || y.rank != 0;
      for (int64_t row = 0; row < rows; ++row) {
        result[row] = conflict ? 0 : combine(truth_of(x, row), truth_of(y, row));
      }
      return;
    }
    const auto parts = out.make_arrays(Element::kBool, rank, rows);
    for (int64_t row = 0; row < rows; ++row) {
      int64_t* dims = parts.dims + row * rank;
      const Vector* shaped = is_array(x, row) ? &x : is_array(y, row) ? &y : nullptr;
      if (shaped == nullptr || conflicts(x, y, row)) {
        std::fill_n(dims, rank, int64_t{1});
      } else {
        std::copy_n(shaped->row_dims(row), rank, dims);
      }
    }
    auto* target = reinterpret_cast<uint8_t*>(out.pack(rows));
    std::vector<uint8_t> left;
    std::vector<uint8_t> right;
    for (int64_t row = 0; row < rows; ++row) {
      const auto elements = static_cast<size_t>(out.vector.row_elements(row));
      const bool conflict = conflicts(x, y, row);
      fill(x, row, elements, left);
      fill(y, row, elements, right);
      for (size_t i = 0; i < elements; ++i) *target++ = conflict ? 0 : combine(left[i], right[i]);
    }
  }

 private:
  uint8_t combine(uint8_t left, uint8_t right) const noexcept {
    return is_and_ ? left & right : left | right;
  }

  static bool is_array(const Vector& x, int64_t row) noexcept { return x.rank > 0 && x.is_valid(row); }

  static bool conflicts(const Vector& x, const Vector& y, int64_t row) noexcept {
    if (!is_array(x, row) || !is_array(y, row)) return false;
    return !std::equal(x.row_dims(row), x.row_dims(row) + x.rank, y.row_dims(row));
  }

  static uint8_t truth_of(const Vector& x, int64_t row) noexcept {
    return x.rank == 0 && x.is_valid(row) ? x.at<uint8_t>(row) : 0;
  }

  /// The elements of a row, a scalar stretched over all of them.
  static void fill(const Vector& x, int64_t row, size_t elements, std::vector<uint8_t>& out) {
    out.assign(elements, truth_of(x, row));
    if (!is_array(x, row) || x.row_elements(row) != static_cast<int64_t>(elements)) return;
    uint8_t* target = out.data();
    for_each_run(x, row, [&](const void* values, int64_t step, int64_t n) {
      copy_loop(Element::kBool)(nullptr, values, step, target, n);
      target += n;
    });
  }

  bool is_and_;
  bool conflicts_always_;
};

Bound bind_scalar(const BindContext& context) {
  return {std::make_unique<ScalarOperation>(), context.args[0].element};
}

Bound bind_shape(const BindContext&) { return {std::make_unique<Shape>(), Element::kInt64}; }

Bound bind_nonzero(const BindContext& context) {
  const Element element = context.args[0].element;
  const UnaryLoop truth = element == Element::kBool ? copy_loop(element) : cast_loop(element, Element::kBool);
  if (truth == nullptr || element == Element::kText) refuse_argument(context, 0);
  return {std::make_unique<Nonzero>(truth), Element::kInt64};
}

Bound bind_gather(const BindContext& context) {
  const IntegerReader reader = integer_reader(context.args[1].element);
  if (reader == nullptr) refuse_argument(context, 1);
  return {std::make_unique<Gather>(reader), context.args[0].element};
}

template <bool is_and>
Bound bind_logical(const BindContext& context) {
  for (size_t i = 0; i < 2; ++i) {
    if (context.args[i].element != Element::kBool) refuse_argument(context, i);
  }
  return {std::make_unique<Logical>(is_and, context.result.is_scalar()), Element::kBool};
}

constexpr Kernel kKernels[] = {
    {"scalar", 1, 1, &bind_scalar, true},       {"shape", 1, 1, &bind_shape, true},
    {"nonzero", 1, 1, &bind_nonzero},           {"gather", 2, 2, &bind_gather, true},
    {"logical_and", 2, 2, &bind_logical<true>}, {"logical_or", 2, 2, &bind_logical<false>},
};

}  // namespace

void ScalarOperation::evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const {
  const Vector& x = *args[0];
  if (x.rank == 0) {
    out.vector = x;
    return;
  }
  const int64_t rows = frame.size();
  const int64_t size = element_size(x.element);
  const bool all_single = rows > 0 && x.dims_step == 0 && x.row_elements(0) == 1 && !x.is_constant();
  if (all_single && x.is_packed()) {
    out.vector = {.element = x.element, .values = x.row_values(0), .valid = x.valid};
    return;
  }
  std::byte* values = out.make_scalars(x.element, rows);
  if (all_single) {
    for (int64_t row = 0; row < rows; ++row) {
      std::memcpy(values + row * size, x.row_values(row), static_cast<size_t>(size));
    }
    out.vector.valid = x.valid;
    return;
  }
  uint8_t* valid = out.make_valid(rows);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t elements = x.is_valid(row) ? x.row_elements(row) : 0;
    if (elements > 1) {
      frame.fail(Code::kType,
                 "one value per row is needed, not an array of shape " + shape_text(x.row_dims(row), x.rank),
                 row);
    }
    valid[row] = static_cast<uint8_t>(elements);
    if (elements == 1) {
      std::memcpy(values + row * size, x.row_values(row), static_cast<size_t>(size));
    } else {
      std::memset(values + row * size, 0, static_cast<size_t>(size));
    }
  }
}

std::span<const Kernel> array_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
