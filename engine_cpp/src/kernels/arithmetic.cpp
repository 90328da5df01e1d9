// Arithmetic. Integers wrap around in their own width (computed unsigned, where that is defined); an integer
// remainder by zero ends the query.
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>

#include "modulo.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

/// Unsigned and at least as wide as int, so that neither promotion nor overflow can surprise.
template <class T>
using Wide = std::conditional_t<(sizeof(T) < sizeof(uint32_t)), uint32_t, std::make_unsigned_t<T>>;

struct Add {
  template <class T>
  static T apply(T left, T right) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      return left + right;
    } else {
      return static_cast<T>(static_cast<Wide<T>>(left) + static_cast<Wide<T>>(right));
    }
  }
};

struct Subtract {
  template <class T>
  static T apply(T left, T right) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      return left - right;
    } else {
      return static_cast<T>(static_cast<Wide<T>>(left) - static_cast<Wide<T>>(right));
    }
  }
};

struct Multiply {
  template <class T>
  static T apply(T left, T right) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      return left * right;
    } else {
      return static_cast<T>(static_cast<Wide<T>>(left) * static_cast<Wide<T>>(right));
    }
  }
};

struct Divide {
  template <class T>
  static T apply(T left, T right) noexcept {
    return left / right;  // IEEE: by zero inf, -inf or NaN
  }
};

struct FloatModulo {
  template <class T>
  static T apply(T left, T right) noexcept {
    return std::fmod(left, right);
  }
};

struct Negate {
  template <class T>
  static T apply(T value) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      return -value;
    } else {
      return static_cast<T>(Wide<T>{0} - static_cast<Wide<T>>(value));
    }
  }
};

struct Absolute {
  template <class T>
  static T apply(T value) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fabs(value);
    } else {
      return value < 0 ? Negate::apply(value) : value;
    }
  }
};

struct SquareRoot {
  template <class T>
  static T apply(T value) noexcept {
    return std::sqrt(value);
  }
};

using BinaryTable = std::array<BinaryLoop, kElementCount>;
using UnaryTable = std::array<UnaryLoop, kElementCount>;

/// Signed and unsigned integers share their loops: the bits of a wrapped result are the same.
template <class Op>
constexpr BinaryTable wrapping_loops() {
  return per_element([]<Element E>() -> BinaryLoop {
    using T = Storage<E>;
    if constexpr (is_integer(E)) {
      using U = std::make_unsigned_t<T>;
      return &binary_loop<Op, U, U, U>;
    } else if constexpr (std::is_floating_point_v<T>) {
      return &binary_loop<Op, T, T, T>;
    } else {
      return nullptr;
    }
  });
}

constexpr BinaryTable kAdd = wrapping_loops<Add>();
constexpr BinaryTable kSubtract = wrapping_loops<Subtract>();
constexpr BinaryTable kMultiply = wrapping_loops<Multiply>();

constexpr BinaryTable kDivide = per_element([]<Element E>() -> BinaryLoop {
  if constexpr (std::is_floating_point_v<Storage<E>>) {
    return &binary_loop<Divide, Storage<E>, Storage<E>, Storage<E>>;
  } else {
    return nullptr;
  }
});

constexpr BinaryTable kFloatModulo = per_element([]<Element E>() -> BinaryLoop {
  if constexpr (std::is_floating_point_v<Storage<E>>) {
    return &binary_loop<FloatModulo, Storage<E>, Storage<E>, Storage<E>>;
  } else {
    return nullptr;
  }
});

template <class Op, bool unsigned_too, bool integers_too>
constexpr UnaryTable unary_loops() {
  return per_element([]<Element E>() -> UnaryLoop {
    using T = Storage<E>;
    constexpr bool kWanted = (is_signed(E) && integers_too) || (is_unsigned(E) && unsigned_too);
    if constexpr (kWanted || std::is_floating_point_v<T>) {
      return &unary_loop<Op, T, T>;
    } else {
      return nullptr;
    }
  });
}

constexpr UnaryTable kNegate = unary_loops<Negate, true, true>();
constexpr UnaryTable kAbsolute = unary_loops<Absolute, false, true>();
constexpr UnaryTable kSquareRoot = unary_loops<SquareRoot, false, false>();

class Binary final : public Operation {
 public:
  Binary(BinaryLoop loop, Element element, const char* refusal)
      : loop_(loop), element_(element), refusal_(refusal) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    apply_binary(frame, loop_, *args[0], *args[1], element_, out, refusal_);
  }

 private:
  BinaryLoop loop_;
  Element element_;
  const char* refusal_;
};

class Unary final : public Operation {
 public:
  Unary(UnaryLoop loop, Element element) : loop_(loop), element_(element) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    apply_unary(frame, loop_, nullptr, *args[0], element_, out);
  }

 private:
  UnaryLoop loop_;
  Element element_;
};

Bound bind_loop(const BindContext& context, BinaryLoop loop, const char* refusal) {
  const Element element = context.args[0].element;
  if (loop == nullptr) refuse_argument(context, 0);
  if (context.args[1].element != element) refuse_argument(context, 1);
  return {std::make_unique<Binary>(loop, element, refusal), element};
}

template <const BinaryTable& table>
Bound bind_binary(const BindContext& context) {
  return bind_loop(context, table[static_cast<size_t>(context.args[0].element)], nullptr);
}

Bound bind_modulo(const BindContext& context) {
  const Element element = context.args[0].element;
  if (is_integer(element)) return bind_loop(context, integer_modulo_loop(element), "integer modulo by zero");
  return bind_loop(context, kFloatModulo[static_cast<size_t>(element)], nullptr);
}

template <const UnaryTable& table>
Bound bind_unary(const BindContext& context) {
  const Element element = context.args[0].element;
  UnaryLoop loop = table[static_cast<size_t>(element)];
  if (loop == nullptr && &table == &kAbsolute && is_unsigned(element)) loop = copy_loop(element);
  if (loop == nullptr) refuse_argument(context, 0);
  return {std::make_unique<Unary>(loop, element), element};
}

constexpr Kernel kKernels[] = {
    {"add", 2, 2, &bind_binary<kAdd>},
    {"subtract", 2, 2, &bind_binary<kSubtract>},
    {"multiply", 2, 2, &bind_binary<kMultiply>},
    {"divide", 2, 2, &bind_binary<kDivide>},
    {"modulo", 2, 2, &bind_modulo},
    {"negate", 1, 1, &bind_unary<kNegate>},
    {"abs", 1, 1, &bind_unary<kAbsolute>},
    {"sqrt", 1, 1, &bind_unary<kSquareRoot>},
};

}  // namespace

std::span<const Kernel> arithmetic_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
