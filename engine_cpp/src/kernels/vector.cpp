// Two vectors of one row to one number. Their shapes must be equal: anything else ends the query.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <type_traits>

#include "products.h"
#include "tql_engine/cast.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"
#include "tql_engine/simd.h"
#include "vector_pairs.h"

namespace tql_engine {
namespace {

/// out = f(x[0 .. n), y[0 .. n)), both contiguous.
using PairLoop = void (*)(const void* x, const void* y, int64_t n, void* out);

/// Wraps around at the width of T.
template <class T>
void dot(const void* x, const void* y, int64_t n, void* out) {
  const T* left = static_cast<const T*>(x);
  const T* right = static_cast<const T*>(y);
  std::array<uint64_t, 4> part{};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (int64_t lane = 0; lane < 4; ++lane) {
      part[static_cast<size_t>(lane)] +=
          static_cast<uint64_t>(left[i + lane]) * static_cast<uint64_t>(right[i + lane]);
    }
  }
  for (; i < n; ++i) part[0] += static_cast<uint64_t>(left[i]) * static_cast<uint64_t>(right[i]);
  *static_cast<T*>(out) = static_cast<T>((part[0] + part[1]) + (part[2] + part[3]));
}

/// How many bits differ, in words of 64: it makes no difference how wide the integers are.
[[gnu::always_inline]] inline int64_t hamming_body(const std::byte* x, const std::byte* y, int64_t bytes) {
  constexpr int64_t kWord = sizeof(uint64_t);
  int64_t bits = 0;
  const auto add = [&](int64_t at, int64_t size) {
    uint64_t left = 0;
    uint64_t right = 0;
    std::memcpy(&left, x + at, static_cast<size_t>(size));
    std::memcpy(&right, y + at, static_cast<size_t>(size));
    bits += std::popcount(left ^ right);
  };
  int64_t i = 0;
  for (; i + kWord <= bytes; i += kWord) add(i, kWord);
  if (i < bytes) add(i, bytes - i);
  return bits;
}

using BitLoop = int64_t (*)(const std::byte* x, const std::byte* y, int64_t bytes);

int64_t hamming_base(const std::byte* x, const std::byte* y, int64_t bytes) {
  return hamming_body(x, y, bytes);
}

#if defined(__x86_64__)
[[gnu::target("popcnt")]] int64_t hamming_popcnt(const std::byte* x, const std::byte* y, int64_t bytes) {
  return hamming_body(x, y, bytes);
}
#endif

BitLoop choose_hamming() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &hamming_popcnt;
#endif
  return &hamming_base;
}

template <int64_t width>
void hamming(const void* x, const void* y, int64_t n, void* out) {
  static const BitLoop loop = choose_hamming();
  *static_cast<int64_t*>(out) =
      loop(static_cast<const std::byte*>(x), static_cast<const std::byte*>(y), n * width);
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

constexpr auto kDot = per_element([]<Element E>() -> PairLoop {
  using T = Storage<E>;
  if constexpr (is_integer(E)) {
    return &dot<std::make_unsigned_t<T>>;
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
  if (is_float(element)) return {make_float_dot(element), element};
  const PairLoop loop = kDot[static_cast<size_t>(element)];
  if (loop == nullptr) refuse_argument(context, 0);
  return {std::make_unique<Pairs>(loop, copy_loop(element), element, element), element};
}

Bound bind_cosine(const BindContext& context) {
  const Element element = common_element(context);
  if (element == Element::kText) refuse_argument(context, 0);
  return {make_cosine(element), Element::kFloat64};
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
  const std::array<PairLoop, 4> loops = {&hamming<1>, &hamming<2>, &hamming<4>, &hamming<8>};
  const auto width = static_cast<size_t>(std::countr_zero(static_cast<uint64_t>(element_size(element))));
  return {std::make_unique<Pairs>(loops[width], convert, element, Element::kInt64), Element::kInt64};
}

constexpr Kernel kKernels[] = {
    {"dot", 2, 2, &bind_dot, true},
    {"cosine_similarity", 2, 2, &bind_cosine, true},
    {"hamming_distance", 2, 2, &bind_hamming},
};

}  // namespace

std::span<const Kernel> vector_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
