#include "norms.h"

#include <algorithm>
#include <array>

#include "tql_engine/cast.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

/// Norms of rows of one kind of elements: floats are read as they are, where their elements lie one behind
/// the other; anything else is copied to doubles first, row by row.
class RowNorms {
 public:
  RowNorms(Norm norm, Element element)
      : norm_(row_norm(norm, is_float(element) ? element : Element::kFloat64)),
        copy_(is_float(element) ? copy_loop(element) : cast_loop(element, Element::kFloat64)),
        size_(element_size(is_float(element) ? element : Element::kFloat64)),
        as_they_are_(is_float(element)) {}

  /// Of x or, unless `y` is null, of x - y. NULL gives NULL.
  void evaluate(Frame& frame, const Vector& x, const double* y, Register& out) const {
    auto* result = reinterpret_cast<double*>(out.make_scalars(Element::kFloat64, frame.size()));
    uint8_t* valid = x.valid == nullptr ? nullptr : out.make_valid(frame.size());
    if (valid != nullptr) std::copy_n(x.valid, frame.size(), valid);
    for (int64_t row = 0; row < frame.size(); ++row) {
      result[row] =
          x.is_valid(row) ? norm_(elements(x, row, out.scratch(0).starts), y, x.row_elements(row)) : 0;
    }
  }

 private:
  const void* elements(const Vector& x, int64_t row, Buffer& buffer) const {
    const bool one_run = x.is_packed() || x.rank == 0 || (x.rank == 1 && x.row_strides(row)[0] == 1);
    if (as_they_are_ && one_run) return x.row_values(row);
    std::byte* const start = buffer.reserve_bytes(x.row_elements(row), size_);
    std::byte* target = start;
    for_each_run(x, row, [&](const void* values, int64_t step, int64_t n) {
      copy_(nullptr, values, step, target, n);
      target += n * size_;
    });
    return start;
  }

  RowNorm norm_;
  UnaryLoop copy_;
  int64_t size_;
  bool as_they_are_;
};

class NormOperation final : public Operation {
 public:
  NormOperation(Norm norm, Element element) : norms_(norm, element) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    norms_.evaluate(frame, *args[0], nullptr, out);
  }

 private:
  RowNorms norms_;
};

/// Rows of one shape against one of that shape are what this is made for; where anything is broadcast, the
/// difference is made first.
class Distance final : public Operation {
 public:
  Distance(Norm norm, Element element, Span difference)
      : norms_(norm, element), of_doubles_(norm, Element::kFloat64), difference_(difference) {
    const std::array<Type, 2> from = {Type{element}, Type{element}};
    const std::array<Type, 2> doubles = {Type{Element::kFloat64}, Type{Element::kFloat64}};
    widen_ = find_kernel("cast")->bind({"cast", from, doubles[0], nullptr, nullptr, 0, difference}).operation;
    subtract_ = find_kernel("subtract")
                    ->bind({"subtract", doubles, doubles[0], nullptr, nullptr, 0, difference})
                    .operation;
  }

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    const Vector& y = *args[1];
    const bool one_run = y.is_packed() || (y.rank == 1 && *y.strides == 1);
    if (frame.size() > 0 && y.is_constant() && y.valid == nullptr && one_run && x.rank == y.rank &&
        x.dims_step == 0 && std::equal(x.dims, x.dims + x.rank, y.dims)) {
      return norms_.evaluate(frame, x, reinterpret_cast<const double*>(y.row_values(0)), out);
    }
    Register& wide = out.scratch(0);
    Register& difference = out.scratch(1);
    const Span whole = frame.span;
    frame.span = difference_;
    widen_->evaluate(frame, args.first(1), wide);
    const std::array<const Vector*, 2> sides = {&wide.vector, &y};
    subtract_->evaluate(frame, sides, difference);
    frame.span = whole;
    of_doubles_.evaluate(frame, difference.vector, nullptr, out);
  }

 private:
  RowNorms norms_;
  RowNorms of_doubles_;
  Span difference_;
  std::unique_ptr<const Operation> widen_;
  std::unique_ptr<const Operation> subtract_;
};

template <Norm norm>
Bound bind_norm(const BindContext& context) {
  const Element element = context.args[0].element;
  if (element == Element::kText) refuse_argument(context, 0);
  return {std::make_unique<NormOperation>(norm, element), Element::kFloat64};
}

constexpr Kernel kKernels[] = {
    {"l1_norm", 1, 1, &bind_norm<Norm::kL1>, true},
    {"l2_norm", 1, 1, &bind_norm<Norm::kL2>, true},
    {"linf_norm", 1, 1, &bind_norm<Norm::kLinf>, true},
};

}  // namespace

std::optional<Norm> norm_named(std::string_view kernel) noexcept {
  if (kernel == "l1_norm") return Norm::kL1;
  if (kernel == "l2_norm") return Norm::kL2;
  if (kernel == "linf_norm") return Norm::kLinf;
  return std::nullopt;
}

std::unique_ptr<const Operation> make_distance(Norm norm, Element element, Span difference) {
  return std::make_unique<Distance>(norm, element, difference);
}

std::span<const Kernel> norm_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
