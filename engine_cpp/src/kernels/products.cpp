#include "products.h"

#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "row_products.h"
#include "tql_engine/loops.h"
#include "vector_pairs.h"

namespace tql_engine {
namespace {

/// out[i] = x[i].
using Widen = void (*)(const void* x, double* out, int64_t n) noexcept;

template <Element E>
void widen_elements(const void* x, double* out, int64_t n) noexcept {
  const auto* from = static_cast<const Storage<E>*>(x);
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (E == Element::kFloat16) {
      out[i] = half_to_float(from[i]);
    } else {
      out[i] = static_cast<double>(from[i]);
    }
  }
}

constexpr auto kWiden = per_element([]<Element E>() -> Widen {
  if constexpr (E == Element::kText) {
    return nullptr;
  } else {
    return &widen_elements<E>;
  }
});

/// Rows of numbers against rows of numbers, by products with a vector that is converted to double first.
class ByProducts : public Operation {
 public:
  explicit ByProducts(Element element)
      : element_(element),
        products_(row_products(element)),
        copy_(copy_loop(element)),
        widen_(kWiden[static_cast<size_t>(element)]) {
    as_they_are_ = products_ != nullptr;
    if (!as_they_are_) products_ = row_products(Element::kFloat64);
  }

 protected:
  static constexpr int64_t kGroup = 32;  // rows that are multiplied at once

  /// Calls finish(targets, count, products, squares, y) for groups of rows, where y is the second vector.
  /// `squares` is null unless `squared`.
  template <class Finish>
  void for_each_group(Frame& frame, const Vector& x, const Vector& y, Element result, bool squared,
                      Register& out, const Finish& finish) const {
    std::array<const void*, kGroup> rows;
    std::array<std::byte*, kGroup> targets;
    std::array<double, kGroup> products;
    std::array<double, kGroup> squares;
    int64_t count = 0;
    const double* second = nullptr;
    int64_t n = 0;
    const auto flush = [&] {
      double* const wanted = squared ? squares.data() : nullptr;
      products_(rows.data(), count, second, n, products.data(), wanted);
      finish(targets.data(), count, products.data(), wanted, std::span(second, static_cast<size_t>(n)));
      count = 0;
    };
    std::byte* room = nullptr;  // for the rows of a group that cannot be read where they are
    for_each_pair(frame, x, y, result, out, [&](int64_t row, std::byte* target) {
      if (second == nullptr || !y.is_constant()) {
        n = y.row_elements(row);
        auto* const values = out.scratch(1).starts.reserve<double>(n);
        widen(y, row, out.scratch(1).values, values);
        second = values;
        room = out.scratch(0).starts.reserve_bytes(kGroup * n, sizeof(double));
      }
      const auto place = static_cast<size_t>(count);
      std::byte* const own = room + count * n * static_cast<int64_t>(sizeof(double));
      if (!as_they_are_) {
        widen(x, row, out.scratch(0).values, reinterpret_cast<double*>(own));
        rows[place] = own;
      } else if (one_run(x, row)) {
        rows[place] = x.row_values(row);
      } else {
        copy(x, row, own);
        rows[place] = own;
      }
      targets[place] = target;
      if (++count == (y.is_constant() ? kGroup : 1)) flush();
    });
    if (count > 0) flush();
  }

  double square(std::span<const double> y) const noexcept {
    static const RowProducts products = row_products(Element::kFloat64);
    const void* row = y.data();
    double result;
    products(&row, 1, y.data(), static_cast<int64_t>(y.size()), &result, nullptr);
    return result;
  }

 private:
  static bool one_run(const Vector& x, int64_t row) noexcept {
    return x.is_packed() || x.rank == 0 || (x.rank == 1 && x.row_strides(row)[0] == 1);
  }

  /// The elements of a row one behind the other.
  void copy(const Vector& x, int64_t row, std::byte* target) const {
    for_each_run(x, row, [&](const void* values, int64_t step, int64_t n) {
      copy_(nullptr, values, step, target, n);
      target += n * element_size(element_);
    });
  }

  /// The same as doubles.
  void widen(const Vector& x, int64_t row, Buffer& buffer, double* target) const {
    const int64_t n = x.row_elements(row);
    const std::byte* values = x.row_values(row);
    if (!one_run(x, row)) {
      std::byte* const copied = buffer.reserve_bytes(n, element_size(element_));
      copy(x, row, copied);
      values = copied;
    }
    widen_(values, target, n);
  }

  Element element_;
  RowProducts products_;
  UnaryLoop copy_;
  Widen widen_;
  bool as_they_are_;  // there is a loop for these elements
};

class Cosine final : public ByProducts {
 public:
  using ByProducts::ByProducts;

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    // It is symmetric, so the side that stays the same comes second and is squared once.
    const size_t second = args[0]->is_constant() ? 0 : 1;
    const Vector& y = *args[second];
    std::optional<double> y_length;
    const auto finish = [&](std::byte* const* targets, int64_t count, const double* products,
                            const double* squares, std::span<const double> values) {
      if (!y_length || !y.is_constant()) y_length = std::sqrt(square(values));
      for (int64_t i = 0; i < count; ++i) {
        const double length = std::sqrt(squares[i]) * *y_length;
        const double result = length == 0 ? 0 : products[i] / length;
        std::memcpy(targets[i], &result, sizeof(result));
      }
    };
    for_each_group(frame, *args[1 - second], y, Element::kFloat64, true, out, finish);
  }
};

/// A float of the result, by way of float32 for float16.
template <class T>
T rounded(double value) noexcept {
  if constexpr (std::is_same_v<T, Half>) {
    return float_to_half(static_cast<float>(value));
  } else {
    return static_cast<T>(value);
  }
}

/// The dot product of floats.
template <class T>
class FloatDot final : public ByProducts {
 public:
  using ByProducts::ByProducts;

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const size_t second = args[0]->is_constant() ? 0 : 1;
    const auto finish = [](std::byte* const* targets, int64_t count, const double* products, const double*,
                           std::span<const double>) {
      for (int64_t i = 0; i < count; ++i) {
        const T result = rounded<T>(products[i]);
        std::memcpy(targets[i], &result, sizeof(result));
      }
    };
    constexpr Element kResult = std::is_same_v<T, Half>    ? Element::kFloat16
                                : std::is_same_v<T, float> ? Element::kFloat32
                                                           : Element::kFloat64;
    for_each_group(frame, *args[1 - second], *args[second], kResult, false, out, finish);
  }
};

}  // namespace

std::unique_ptr<const Operation> make_cosine(Element element) { return std::make_unique<Cosine>(element); }

std::unique_ptr<const Operation> make_float_dot(Element element) {
  if (element == Element::kFloat16) return std::make_unique<FloatDot<Half>>(element);
  if (element == Element::kFloat32) return std::make_unique<FloatDot<float>>(element);
  return std::make_unique<FloatDot<double>>(element);
}

}  // namespace tql_engine
