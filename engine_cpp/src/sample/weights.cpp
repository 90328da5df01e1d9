// Checks of weights before a draw.
#include "weights.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tql_engine/interruptible_pool.h"
#include "tql_engine/status.h"

namespace tql_engine {

double check_weights(std::span<const double> weights, int64_t size, InterruptiblePool& pool) {
  if (size < 0)
    throw EngineError(Code::kValue, "the size of a sample must not be negative: " + std::to_string(size));
  std::vector<double> largest(static_cast<size_t>(pool.threads()), 0.0);
  pool.parallel_for(static_cast<int64_t>(weights.size()), kWeightMorsel,
                    [&](int64_t begin, int64_t end, int worker) {
                      double top = 0;
                      for (int64_t row = begin; row < end; ++row)
                        top = std::max(top, effective_weight(weights[static_cast<size_t>(row)]));
                      if (std::isinf(top)) {
                        const auto first = std::find(weights.begin() + begin, weights.begin() + end, top);
                        throw EngineError(Code::kValue, "a weight is infinite", first - weights.begin());
                      }
                      double& mine = largest[static_cast<size_t>(worker)];
                      mine = std::max(mine, top);
                    });
  const double top = *std::max_element(largest.begin(), largest.end());
  if (top == 0 && !weights.empty() && size > 0) throw EngineError(Code::kValue, "every weight is 0");
  return top;
}

}  // namespace tql_engine
