// Element-wise comparisons, and whether any element of a row compares true.
#include "tql_engine/compare.h"

#include <array>
#include <string>
#include <utility>

#include "tql_engine/loops.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

/// Loops for two operands of one element; the last two are int64 with uint64 and the reverse. Greater is less
/// with the operands exchanged.
struct CompareLoops {
  std::array<BinaryLoop, kElementCount> same;
  BinaryLoop signed_unsigned;
  BinaryLoop unsigned_signed;
};

template <class Op>
constexpr CompareLoops make_loops() {
  return {per_element([]<Element E>() -> BinaryLoop {
            if constexpr (E == Element::kFloat16) {
              return nullptr;
            } else {
              return &binary_loop<Op, Storage<E>, Storage<E>, uint8_t>;
            }
          }),
          &binary_loop<Op, int64_t, uint64_t, uint8_t>, &binary_loop<Op, uint64_t, int64_t, uint8_t>};
}

constexpr CompareLoops kEqualLoops = make_loops<Equal>();
constexpr CompareLoops kNotEqualLoops = make_loops<NotEqual>();
constexpr CompareLoops kLessLoops = make_loops<Less>();
constexpr CompareLoops kLessEqualLoops = make_loops<LessEqual>();

bool is_swapped(CompareOp op) noexcept { return op == CompareOp::kGreater || op == CompareOp::kGreaterEqual; }

const CompareLoops& loops_of(CompareOp op) noexcept {
  switch (op) {
    case CompareOp::kEqual:
      return kEqualLoops;
    case CompareOp::kNotEqual:
      return kNotEqualLoops;
    case CompareOp::kLess:
    case CompareOp::kGreater:
      return kLessLoops;
    default:
      return kLessEqualLoops;
  }
}

BinaryLoop find_loop(CompareOp op, Element left, Element right) noexcept {
  const CompareLoops& loops = loops_of(op);
  if (is_swapped(op)) std::swap(left, right);
  if (left == right) return loops.same[static_cast<size_t>(left)];
  if (left == Element::kInt64 && right == Element::kUint64) return loops.signed_unsigned;
  if (left == Element::kUint64 && right == Element::kInt64) return loops.unsigned_signed;
  return nullptr;
}

template <class Op, class T>
bool any_compare(const void* x, int64_t step, const void* constant, int64_t n) {
  const T* values = static_cast<const T*>(x);
  const T right = *static_cast<const T*>(constant);
  bool any = false;
  if (step == 1) {
    for (int64_t i = 0; i < n; ++i) any |= Op::apply(values[i], right);
  } else {
    for (int64_t i = 0; i < n; ++i) any |= Op::apply(values[i * step], right);
  }
  return any;
}

template <class Op>
constexpr auto make_any_loops() {
  return per_element([]<Element E>() -> AnyCompareLoop {
    if constexpr (E == Element::kFloat16) {
      return nullptr;
    } else {
      return &any_compare<Op, Storage<E>>;
    }
  });
}

constexpr std::array<std::array<AnyCompareLoop, kElementCount>, 6> kAnyLoops = {
    make_any_loops<Equal>(),     make_any_loops<NotEqual>(), make_any_loops<Less>(),
    make_any_loops<LessEqual>(), make_any_loops<Greater>(),  make_any_loops<GreaterEqual>(),
};

template <CompareOp op>
Bound bind_compare(const BindContext& context) {
  const Element left = context.args[0].element;
  const Element right = context.args[1].element;
  if (find_loop(op, left, right) == nullptr) refuse_argument(context, 1);
  return {std::make_unique<CompareOperation>(op, left, right), Element::kBool};
}

Bound bind_contains(const BindContext& context) {
  const Element element = context.args[0].element;
  const bool has_loop = any_compare_loop(CompareOp::kEqual, element) != nullptr;
  if (!has_loop || element != context.args[1].element) refuse_argument(context, 1);
  return {std::make_unique<AnyCompare>(CompareOp::kEqual, element), Element::kBool};
}

constexpr Kernel kKernels[] = {
    {"equal", 2, 2, &bind_compare<CompareOp::kEqual>},
    {"not_equal", 2, 2, &bind_compare<CompareOp::kNotEqual>},
    {"less", 2, 2, &bind_compare<CompareOp::kLess>},
    {"less_equal", 2, 2, &bind_compare<CompareOp::kLessEqual>},
    {"greater", 2, 2, &bind_compare<CompareOp::kGreater>},
    {"greater_equal", 2, 2, &bind_compare<CompareOp::kGreaterEqual>},
    {"contains", 2, 2, &bind_contains},
};

}  // namespace

CompareOperation::CompareOperation(CompareOp op, Element left, Element right)
    : op_(op), swap_(is_swapped(op)), same_(left == right), loop_(find_loop(op, left, right)) {}

void CompareOperation::evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const {
  apply_binary(frame, loop_, *args[swap_ ? 1 : 0], *args[swap_ ? 0 : 1], Element::kBool, out);
}

AnyCompareLoop any_compare_loop(CompareOp op, Element element) noexcept {
  return kAnyLoops[static_cast<size_t>(op)][static_cast<size_t>(element)];
}

void AnyCompare::evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const {
  const Vector& x = *args[0];
  const Vector& y = *args[1];
  if (y.rank != 0) frame.fail(Code::kInternal, "an array where one value per row was planned");
  auto* result = reinterpret_cast<uint8_t*>(out.make_scalars(Element::kBool, frame.size()));
  for (int64_t row = 0; row < frame.size(); ++row) {
    bool any = false;
    if (x.is_valid(row) && y.is_valid(row)) {
      const std::byte* right = y.row_values(row);
      if (x.rank == 1) {
        any = loop_(x.row_values(row), x.row_strides(row)[0], right, x.row_dims(row)[0]);
      } else {
        for_each_run(x, row, [&](const void* run, int64_t step, int64_t n) {
          any = any || loop_(run, step, right, n);
        });
      }
    }
    result[row] = static_cast<uint8_t>(any);
  }
}

std::span<const Kernel> compare_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
