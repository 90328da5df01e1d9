// Two vectors of one row to one number. Their shapes must be equal: anything else ends the query.
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <type_traits>

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

void cosine(const void* x, const void* y, int64_t n, void* out) {
  const double* left = static_cast<const double*>(x);
  const double* right = static_cast<const double*>(y);
  double product = 0;
  double left_square = 0;
  double right_square = 0;
  for (int64_t i = 0; i < n; ++i) {
    product += left[i] * right[i];
    left_square += left[i] * left[i];
    right_square += right[i] * right[i];
  }
  const double length = std::sqrt(left_square) * std::sqrt(right_square);
  *static_cast<double*>(out) = length == 0 ? 0 : product / length;
}

template <class T>
void hamming(const void* x, const void* y, int64_t n, void* out) {
  const T* left = static_cast<const T*>(x);
  const T* right = static_cast<const T*>(y);
  int64_t bits = 0;
  for (int64_t i = 0; i < n; ++i) bits += std::popcount(static_cast<T>(left[i] ^ right[i]));
  *static_cast<int64_t*>(out) = bits;
}

class Pairs final : public Operation {
 public:
  /// `convert` is applied to the elements first; they become `computed`.
  Pairs(PairLoop loop, UnaryLoop convert, Element computed, Element result)
      : loop_(loop), convert_(convert), computed_(computed), result_(result) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    const Vector& y = *args[1];
    const int64_t size = element_size(result_);
    std::byte* result = out.make_scalars(result_, frame.size());
    uint8_t* valid = x.valid == nullptr && y.valid == nullptr ? nullptr : out.make_valid(frame.size());
    for (int64_t row = 0; row < frame.size(); ++row) {
      std::byte* target = result + row * size;
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
      const void* left = contiguous(x, row, out.scratch(0).values);
      const void* right = contiguous(y, row, out.scratch(1).values);
      loop_(left, right, x.row_elements(row), target);
    }
  }

 private:
  /// The elements of one row, converted, one behind the other.
  const void* contiguous(const Vector& x, int64_t row, Buffer& buffer) const {
    const bool in_place =
        x.element == computed_ && (x.packed || x.rank == 0 || (x.rank == 1 && x.row_strides(row)[0] == 1));
    if (in_place) return x.row_values(row);
    const int64_t size = element_size(computed_);
    std::byte* start = buffer.reserve_bytes(x.row_elements(row), size);
    std::byte* target = start;
    for_each_run(x, row, [&](const void* values, int64_t step, int64_t n) {
      convert_(nullptr, values, step, target, n);
      target += n * size;
    });
    return start;
  }

  PairLoop loop_;
  UnaryLoop convert_;
  Element computed_;
  Element result_;
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
  return {std::make_unique<Pairs>(&cosine, convert, Element::kFloat64, Element::kFloat64), Element::kFloat64};
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
