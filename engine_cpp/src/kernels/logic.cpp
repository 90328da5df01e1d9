// AND, OR and NOT in two-valued logic (NULL counts as false and never comes out), conditions, is_null.
#include "tql_engine/logic.h"

#include <string>
#include <utility>

#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

struct And {
  static uint8_t apply(uint8_t left, uint8_t right) noexcept { return left & right; }
};
struct Or {
  static uint8_t apply(uint8_t left, uint8_t right) noexcept { return left | right; }
};
struct Not {
  static uint8_t apply(uint8_t value) noexcept { return value == 0; }
};

/// The operand itself, or a copy in which NULL rows are false.
const Vector& without_null(Frame& frame, const Vector& x, Register& scratch) {
  if (x.valid == nullptr) return x;
  copy_with_zero_for_null(frame, x, scratch);
  return scratch.vector;
}

template <class T>
void nonzero(const void*, const void* x, int64_t x_step, void* out, int64_t n) {
  const T* values = static_cast<const T*>(x);
  auto* to = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint8_t>(values[i * x_step] != T{});
}

constexpr auto kNonzeroLoops = per_element([]<Element E>() -> UnaryLoop {
  if constexpr (E == Element::kFloat16 || E == Element::kText) {
    return nullptr;
  } else {
    return &nonzero<Storage<E>>;
  }
});

template <LogicOperation::Kind kind>
Bound bind_connective(const BindContext& context) {
  for (size_t i = 0; i < 2; ++i) {
    if (context.args[i].element != Element::kBool) refuse_argument(context, i);
  }
  return {std::make_unique<LogicOperation>(kind), Element::kBool};
}

Bound bind_not(const BindContext& context) {
  if (context.args[0].element != Element::kBool) refuse_argument(context, 0);
  return {std::make_unique<LogicOperation>(LogicOperation::Kind::kNot), Element::kBool};
}

Bound bind_truth(const BindContext& context) {
  const UnaryLoop loop = kNonzeroLoops[static_cast<size_t>(context.args[0].element)];
  if (loop == nullptr) refuse_argument(context, 0);
  return {std::make_unique<Truth>(loop), Element::kBool};
}

Bound bind_is_null(const BindContext&) { return {std::make_unique<IsNull>(), Element::kBool}; }

constexpr Kernel kKernels[] = {
    {"and", 2, 2, &bind_connective<LogicOperation::Kind::kAnd>},
    {"or", 2, 2, &bind_connective<LogicOperation::Kind::kOr>},
    {"not", 1, 1, &bind_not},
    {"truth", 1, 1, &bind_truth},
    {"is_null", 1, 1, &bind_is_null, true},
};

}  // namespace

void LogicOperation::evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const {
  const Vector& left = without_null(frame, *args[0], out.scratch(0));
  if (kind_ == Kind::kNot) {
    return apply_unary(frame, &unary_loop<Not, uint8_t, uint8_t>, nullptr, left, Element::kBool, out);
  }
  const Vector& right = without_null(frame, *args[1], out.scratch(1));
  const BinaryLoop loop = kind_ == Kind::kAnd ? &binary_loop<And, uint8_t, uint8_t, uint8_t>
                                              : &binary_loop<Or, uint8_t, uint8_t, uint8_t>;
  apply_binary(frame, loop, left, right, Element::kBool, out);
}

void IsNull::evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const {
  auto* result = reinterpret_cast<uint8_t*>(out.make_scalars(Element::kBool, frame.size()));
  for (int64_t row = 0; row < frame.size(); ++row)
    result[row] = static_cast<uint8_t>(!args[0]->is_valid(row));
}

void Truth::evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const {
  const Vector& x = *args[0];
  const int64_t rows = frame.size();
  auto* result = reinterpret_cast<uint8_t*>(out.make_scalars(Element::kBool, rows));
  if (x.rank == 0) {
    loop_(nullptr, x.values, x.step, result, rows);
    for (int64_t row = 0; x.valid != nullptr && row < rows; ++row) {
      result[row] = static_cast<uint8_t>(result[row] != 0 && x.valid[row] != 0);
    }
    return;
  }
  for (int64_t row = 0; row < rows; ++row) {
    result[row] = 0;
    if (!x.is_valid(row)) continue;
    const int64_t elements = x.row_elements(row);
    if (elements > 1) {
      frame.fail(Code::kType,
                 "a condition needs one value per row; use ANY or ALL for an array of shape " +
                     shape_text(x.row_dims(row), x.rank),
                 row);
    }
    if (elements == 1) loop_(nullptr, x.row_values(row), 1, result + row, 1);
  }
}

std::span<const Kernel> logic_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
