// The inner loops that turn an operator struct over plain values into a kernel, and what applies such a loop
// to vectors of any form. A loop runs along one axis with a step per operand, so one loop serves scalars,
// constants, contiguous and strided arrays; broadcasting, NULL and shape conflicts are dealt with outside,
// once, without templates.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "tql_engine/kernel.h"
#include "tql_engine/simd.h"
#include "tql_engine/types.h"

namespace tql_engine {

/// out[i] = f(x[i * x_step]). `state` is the operation's own, for example a pattern.
using UnaryLoop = void (*)(const void* state, const void* x, int64_t x_step, void* out, int64_t n);

/// out[i] = f(x[i * x_step], y[i * y_step]). False if an element was refused (integer modulo by zero).
using BinaryLoop = bool (*)(const void* x, int64_t x_step, const void* y, int64_t y_step, void* out,
                            int64_t n);

template <class Op, class X, class Out>
[[gnu::always_inline]] inline void unary_body(const void* x, int64_t x_step, void* out, int64_t n) {
  const X* __restrict from = static_cast<const X*>(x);
  Out* __restrict to = static_cast<Out*>(out);
  if (x_step == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Out>(Op::apply(from[i]));
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Out>(Op::apply(from[i * x_step]));
  }
}

template <class Op, class X, class Y, class Out>
[[gnu::always_inline]] inline void binary_body(const void* x, int64_t x_step, const void* y, int64_t y_step,
                                               void* out, int64_t n) {
  const X* __restrict left = static_cast<const X*>(x);
  const Y* __restrict right = static_cast<const Y*>(y);
  Out* __restrict to = static_cast<Out*>(out);
  if (x_step == 1 && y_step == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Out>(Op::apply(left[i], right[i]));
  } else if (x_step == 1 && y_step == 0 && n > 0) {
    const Y constant = *right;
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Out>(Op::apply(left[i], constant));
  } else if (x_step == 0 && y_step == 1 && n > 0) {
    const X constant = *left;
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Out>(Op::apply(constant, right[i]));
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Out>(Op::apply(left[i * x_step], right[i * y_step]));
  }
}

#if defined(__x86_64__)
/// Shorter loops gain nothing from wider vectors.
inline constexpr int64_t kWideLoop = 32;

template <class Op, class X, class Out>
[[gnu::target("avx2")]] void unary_avx2(const void* x, int64_t x_step, void* out, int64_t n) {
  unary_body<Op, X, Out>(x, x_step, out, n);
}

template <class Op, class X, class Y, class Out>
[[gnu::target("avx2")]] void binary_avx2(const void* x, int64_t x_step, const void* y, int64_t y_step,
                                         void* out, int64_t n) {
  binary_body<Op, X, Y, Out>(x, x_step, y, y_step, out, n);
}
#endif

/// A UnaryLoop for every processor, with wider vectors where there are.
template <class Op, class X, class Out>
void unary_loop(const void*, const void* x, int64_t x_step, void* out, int64_t n) {
#if defined(__x86_64__)
  if (n >= kWideLoop && simd_level() >= SimdLevel::kAvx2) return unary_avx2<Op, X, Out>(x, x_step, out, n);
#endif
  unary_body<Op, X, Out>(x, x_step, out, n);
}

/// A BinaryLoop that refuses nothing, likewise.
template <class Op, class X, class Y, class Out>
bool binary_loop(const void* x, int64_t x_step, const void* y, int64_t y_step, void* out, int64_t n) {
#if defined(__x86_64__)
  if (n >= kWideLoop && simd_level() >= SimdLevel::kAvx2) {
    binary_avx2<Op, X, Y, Out>(x, x_step, y, y_step, out, n);
    return true;
  }
#endif
  binary_body<Op, X, Y, Out>(x, x_step, y, y_step, out, n);
  return true;
}

/// A table with one entry per element kind: `make.template operator()<E>()`, evaluated when compiling.
template <class Make>
constexpr auto per_element(Make make) {
  return [&]<size_t... I>(std::index_sequence<I...>) {
    return std::array{make.template operator()<static_cast<Element>(I)>()...};
  }(std::make_index_sequence<kElementCount>{});
}

/// Copies elements of any kind; strings as views.
UnaryLoop copy_loop(Element element) noexcept;

/// Element-wise. A NULL row gives a NULL row.
void apply_unary(Frame& frame, UnaryLoop loop, const void* state, const Vector& x, Element element,
                 Register& out);

/// Element-wise with broadcasting by the NumPy rule. NULL in an operand gives NULL; a shape conflict goes to
/// the frame; a refused element ends the query with `refusal`.
void apply_binary(Frame& frame, BinaryLoop loop, const Vector& x, const Vector& y, Element element,
                  Register& out, const char* refusal = nullptr);

/// Rows of a vector as one C-order run each: NULL rows become one element with the bits 0 (for text: empty).
void copy_with_zero_for_null(Frame& frame, const Vector& x, Register& out);

/// The extents of two broadcast arrays; false if they conflict. `out` has max(x_rank, y_rank) entries.
bool broadcast_dims(const int64_t* x, int x_rank, const int64_t* y, int y_rank, int64_t* out) noexcept;

/// Calls run(values, step, count) for runs along the last axis that together are row `row` in C order.
template <class Run>
void for_each_run(const Vector& x, int64_t row, Run&& run) {
  const std::byte* values = x.row_values(row);
  if (x.rank == 0) return run(values, int64_t{1}, int64_t{1});
  const int64_t* dims = x.row_dims(row);
  const int64_t* strides = x.row_strides(row);
  const int last = x.rank - 1;
  const int64_t size = element_size(x.element);
  if (x.run_step != 0) return run(values, x.run_step, x.row_elements(row));
  if (x.row_elements(row) == 0) return;
  std::array<int64_t, kMaxRank> index{};
  for (;;) {
    run(values, strides[last], dims[last]);
    int axis = last - 1;
    for (; axis >= 0; --axis) {
      values += strides[axis] * size;
      if (++index[static_cast<size_t>(axis)] < dims[axis]) break;
      values -= strides[axis] * dims[axis] * size;
      index[static_cast<size_t>(axis)] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace tql_engine
