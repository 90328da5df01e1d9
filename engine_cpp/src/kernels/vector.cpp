// Two vectors of one row to one number. Their shapes must be equal: anything else ends the query.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <type_traits>

#include "cosine.h"
#include "tql_engine/cast.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

/// out = f(x[0 .. n), y[0 .. n)), both contiguous.
using PairLoop = void (*)(const void* x, const void* y, int64_t n, void* out);

template <class T>
void dot(const void* x, const void* y, int64_t n, void* out) {
  using Sum = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;
  const T* left = static_cast<const T*>(x);
  const T* right = static_cast<const T*>(y);
  std::array<Sum, 4> part{};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (int64_t lane = 0; lane < 4; ++lane) {
      part[static_cast<size_t>(lane)] += static_cast<Sum>(left[i + lane]) * static_cast<Sum>(right[i + lane]);
    }
  }
  for (; i < n; ++i) part[0] += static_cast<Sum>(left[i]) * static_cast<Sum>(right[i]);
  *static_cast<T*>(out) = static_cast<T>((part[0] + part[1]) + (part[2] + part[3]));
}

template <class T>
void hamming(const void* x, const void* y, int64_t n, void* out) {
  const T* left = static_cast<const T*>(x);
  const T* right = static_cast<const T*>(y);
  int64_t bits = 0;
  for (int64_t i = 0; i < n; ++i) bits += std::popcount(static_cast<T>(left[i] ^ right[i]));
  *static_cast<int64_t*>(out) = bits;
}

/// The elements of one row, converted to `computed`, one behind the other.
const void* contiguous(const Vector& x, int64_t row, UnaryLoop convert, Element computed, Buffer& buffer) {
  const bool in_place =
      x.element == computed && (x.is_packed() || x.rank == 0 || (x.rank == 1 && x.row_strides(row)[0] == 1));
  if (in_place) return x.row_values(row);
  const int64_t size = element_size(computed);
  std::byte* start = buffer.reserve_bytes(x.row_elements(row), size);
  std::byte* target = start;
  for_each_run(x, row, [&](const void* values, int64_t step, int64_t n) {
    convert(nullptr, values, step, target, n);
    target += n * size;
  });
  return start;
}

/// Calls visit(row) for the rows that have both values, after a look at their shapes; the others become NULL.
template <class Visit>
void for_each_pair(Frame& frame, const Vector& x, const Vector& y, Element result, Register& out,
                   const Visit& visit) {
  const int64_t size = element_size(result);
  std::byte* values = out.make_scalars(result, frame.size());
  uint8_t* valid = x.valid == nullptr && y.valid == nullptr ? nullptr : out.make_valid(frame.size());
  for (int64_t row = 0; row < frame.size(); ++row) {
    std::byte* target = values + row * size;
    const bool has_value = x.is_valid(row) && y.is_valid(row);
    if (valid != nullptr) valid[row] = static_cast<uint8_t>(has_value);
    if (!has_value) {
      std::memset(target, 0, static_cast<size_t>(size));
      continue;
    }
    const int64_t* dims = x.row_dims(row);
    if (x.rank != y.rank || !std::equal(dims, dims + x.rank, y.row_dims(row))) {
      frame.fail(Code::kShape,
                 "two vectors of one shape are needed, here are " + shape_text(dims, x.rank) + " and " +
                     shape_text(y.row_dims(row), y.rank),
                 row);
    }
    visit(row, target);
  }
}

class Pairs final : public Operation {
 public:
  /// `convert` is applied to the elements first; they become `computed`.
  Pairs(PairLoop loop, UnaryLoop convert, Element computed, Element result)
      : loop_(loop), convert_(convert), computed_(computed), result_(result) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    const Vector& y = *args[1];
    for_each_pair(frame, x, y, result_, out, [&](int64_t row, std::byte* target) {
      const void* left = contiguous(x, row, convert_, computed_, out.scratch(0).values);
      const void* right = contiguous(y, row, convert_, computed_, out.scratch(1).values);
      loop_(left, right, x.row_elements(row), target);
    });
  }

 private:
  PairLoop loop_;
  UnaryLoop convert_;
  Element computed_;
  Element result_;
};

/// T is the element that is computed with; `convert` makes it of others.
template <class T>
class Cosine final : public Operation {
 public:
  Cosine(CosineLoop<T> loop, UnaryLoop convert, Element computed)
      : loop_(loop), convert_(convert), computed_(computed) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    // It is symmetric, so the side that stays the same comes second and is squared once.
    const size_t second = args[0]->is_constant() ? 0 : 1;
    const Vector& x = *args[1 - second];
    const Vector& y = *args[second];
    const T* right = nullptr;
    double right_length = 0;
    for_each_pair(frame, x, y, Element::kFloat64, out, [&](int64_t row, std::byte* target) {
      const int64_t n = x.row_elements(row);
      const T* left = elements(x, row, out.scratch(0).values);
      if (right == nullptr || !y.is_constant()) {
        right = elements(y, row, out.scratch(1).values);
        right_length = std::sqrt(loop_(right, right, n).square);
      }
      const CosineSums sums = loop_(left, right, n);
      const double length = std::sqrt(sums.square) * right_length;
      const double result = length == 0 ? 0 : sums.product / length;
      std::memcpy(target, &result, sizeof(result));
    });
  }

 private:
  const T* elements(const Vector& x, int64_t row, Buffer& buffer) const {
    return static_cast<const T*>(contiguous(x, row, convert_, computed_, buffer));
  }

  CosineLoop<T> loop_;
  UnaryLoop convert_;
  Element computed_;
};

constexpr auto kDot = per_element([]<Element E>() -> PairLoop {
  using T = Storage<E>;
  if constexpr (is_integer(E)) {
    return &dot<std::make_unsigned_t<T>>;
  } else if constexpr (std::is_floating_point_v<T>) {
    return &dot<T>;
  } else {
    return nullptr;
  }
});

Element common_element(const BindContext& context) {
  if (context.args[0].element != context.args[1].element) refuse_argument(context, 1);
  return context.args[0].element;
}

Bound bind_dot(const BindContext& context) {
  const Element element = common_element(context);
  const PairLoop loop = kDot[static_cast<size_t>(element)];
  if (loop == nullptr) refuse_argument(context, 0);
  return {std::make_unique<Pairs>(loop, copy_loop(element), element, element), element};
}

Bound bind_cosine(const BindContext& context) {
  const Element element = common_element(context);
  const UnaryLoop convert = cast_loop(element, Element::kFloat64);
  if (convert == nullptr || element == Element::kText) refuse_argument(context, 0);
  if (element == Element::kFloat32) {
    const UnaryLoop copy = copy_loop(element);
    return {std::make_unique<Cosine<float>>(cosine_loop_float32(), copy, element), Element::kFloat64};
  }
  return {std::make_unique<Cosine<double>>(cosine_loop_float64(), convert, Element::kFloat64),
          Element::kFloat64};
}

/// Integers count at their own width, floats as int64.
Bound bind_hamming(const BindContext& context) {
  Element element = common_element(context);
  if (element == Element::kText) refuse_argument(context, 0);
  UnaryLoop convert = copy_loop(element);
  if (is_float(element)) {
    convert = cast_loop(element, Element::kInt64);
    element = Element::kInt64;
  }
  const std::array<PairLoop, 4> loops = {&hamming<uint8_t>, &hamming<uint16_t>, &hamming<uint32_t>,
                                         &hamming<uint64_t>};
  const auto width = static_cast<size_t>(std::countr_zero(static_cast<uint64_t>(element_size(element))));
  return {std::make_unique<Pairs>(loops[width], convert, element, Element::kInt64), Element::kInt64};
}

constexpr Kernel kKernels[] = {
    {"dot", 2, 2, &bind_dot},
    {"cosine_similarity", 2, 2, &bind_cosine},
    {"hamming_distance", 2, 2, &bind_hamming},
};

}  // namespace

std::span<const Kernel> vector_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
