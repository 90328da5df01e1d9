// Casts. Integers wrap, floats are cut towards zero and saturate, NaN becomes 0; to bool: non-zero.
#include "tql_engine/cast.h"

#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>

#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

template <class From, class To>
To convert(From value) noexcept {
  if constexpr (std::is_same_v<From, Half>) {
    return half_to_float(value);
  } else if constexpr (std::is_same_v<To, Half>) {
    return float_to_half(value);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // The bounds are powers of two, so they are exact in every float.
    constexpr auto kBelow = static_cast<From>(std::numeric_limits<To>::min());
    constexpr auto kBeyond = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * 2;
    if (!(value > kBelow - 1)) return std::isnan(value) ? To{0} : std::numeric_limits<To>::min();
    if (value >= kBeyond) return std::numeric_limits<To>::max();
    return value <= kBelow ? std::numeric_limits<To>::min() : static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

template <class From, class To>
struct Cast {
  static To apply(From value) noexcept { return convert<From, To>(value); }
};

/// Doubles beyond the range of float become infinite, which the language leaves undefined.
template <>
struct Cast<double, float> {
  static float apply(double value) noexcept {
    constexpr double kBeyond = 0x1.ffffffp127;  // rounds to infinity from here
    if (value >= kBeyond) return std::numeric_limits<float>::infinity();
    if (value <= -kBeyond) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(value);
  }
};

template <class From>
struct IsNonzero {
  static bool apply(From value) noexcept { return value != From{}; }
};

constexpr bool is_convertible(Element from, Element to) noexcept {
  if (from == Element::kText || to == Element::kText) return false;
  if (from == Element::kFloat16) return to == Element::kFloat32;
  if (to == Element::kFloat16) return from == Element::kFloat32;
  return from != to;
}

template <Element From>
constexpr auto casts_from() {
  return per_element([]<Element To>() -> UnaryLoop {
    if constexpr (!is_convertible(From, To)) {
      return nullptr;
    } else if constexpr (To == Element::kBool) {
      return &unary_loop<IsNonzero<Storage<From>>, Storage<From>, uint8_t>;
    } else {
      return &unary_loop<Cast<Storage<From>, Storage<To>>, Storage<From>, Storage<To>>;
    }
  });
}

constexpr auto kCasts = per_element([]<Element From>() { return casts_from<From>(); });

/// Between float16 and anything but float32.
class CastThroughFloat final : public Operation {
 public:
  CastThroughFloat(UnaryLoop first, UnaryLoop second, Element element)
      : first_(first), second_(second), element_(element) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    apply_unary(frame, first_, nullptr, *args[0], Element::kFloat32, out.scratch(0));
    apply_unary(frame, second_, nullptr, out.scratch(0).vector, element_, out);
  }

 private:
  UnaryLoop first_;
  UnaryLoop second_;
  Element element_;
};

Bound bind_cast(const BindContext& context) {
  const Element from = context.args[0].element;
  const Element to = context.result.element;
  if (const UnaryLoop loop = cast_loop(from, to)) return {std::make_unique<CastOperation>(loop, to), to};
  const UnaryLoop first = cast_loop(from, Element::kFloat32);
  const UnaryLoop second = cast_loop(Element::kFloat32, to);
  if (first == nullptr || second == nullptr) refuse_argument(context, 0);
  return {std::make_unique<CastThroughFloat>(first, second, to), to};
}

constexpr Kernel kKernels[] = {{"cast", 1, 1, &bind_cast, true}};

}  // namespace

UnaryLoop cast_loop(Element from, Element to) noexcept {
  if (from == to) return copy_loop(from);
  return kCasts[static_cast<size_t>(from)][static_cast<size_t>(to)];
}

std::span<const Kernel> cast_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
