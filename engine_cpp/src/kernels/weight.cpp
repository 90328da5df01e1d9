// MAX_WEIGHT and SUM_WEIGHT: all cases of a row in one pass.
#include "tql_engine/weight.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tql_engine/constant.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

template <bool largest>
Bound bind_weight(const BindContext& context) {
  const Constant weights = Constant::parse(member(*context.members, "weights"), Element::kFloat64);
  if (weights.rank() != 1 || weights.size() != static_cast<int64_t>(context.args.size())) {
    throw EngineError(Code::kInternal, "'weights' must have one number per argument");
  }
  for (size_t i = 0; i < context.args.size(); ++i) {
    if (context.args[i].element != Element::kBool) refuse_argument(context, i);
  }
  const auto* values = reinterpret_cast<const double*>(weights.values());
  return {std::make_unique<WeightOperation>(std::vector<double>(values, values + weights.size()), largest),
          Element::kFloat64};
}

constexpr Kernel kKernels[] = {
    {"max_weight", 1, kAnyNumber, &bind_weight<true>},
    {"sum_weight", 1, kAnyNumber, &bind_weight<false>},
};

}  // namespace

void WeightOperation::evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const {
  auto* result = reinterpret_cast<double*>(out.make_scalars(Element::kFloat64, frame.size()));
  std::fill_n(result, frame.size(), 0.0);
  for (size_t i = 0; i < args.size(); ++i) {
    const Vector& condition = *args[i];
    if (condition.rank != 0) frame.fail(Code::kInternal, "an array where a condition was planned");
    const double weight = weights_[i];
    for (int64_t row = 0; row < frame.size(); ++row) {
      const double added = condition.at<uint8_t>(row) != 0 && condition.is_valid(row) ? weight : 0.0;
      result[row] = largest_ ? std::max(result[row], added) : result[row] + added;
    }
  }
}

std::span<const Kernel> weight_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
