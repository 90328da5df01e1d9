// Checks of weights before a draw.
#include "weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tql_engine/sampling.h"
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

WeightSurvey survey_weights(std::span<const double> weights, InterruptiblePool pool) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  const WeightSurvey nothing{0, kNone, kNone};
  std::vector<WeightSurvey> surveys(static_cast<size_t>(pool.threads()), nothing);
  pool.parallel_for(static_cast<int64_t>(weights.size()), kWeightMorsel,
                    [&](int64_t begin, int64_t end, int worker) {
                      WeightSurvey& survey = surveys[static_cast<size_t>(worker)];
                      int64_t positive = 0;
                      int64_t plain = 0;
                      for (int64_t row = begin; row < end; ++row) {
                        const double weight = weights[static_cast<size_t>(row)];
                        positive += weight > 0;
                        plain += weight >= 0 && weight <= kLargest;
                      }
                      survey.positive += positive;
                      if (plain == end - begin) return;
                      for (int64_t row = begin; row < end; ++row) {
                        const double weight = weights[static_cast<size_t>(row)];
                        if (weight >= 0 && weight <= kLargest) continue;
                        survey.odd = std::min(survey.odd, row);
                        if (weight > kLargest) survey.infinite = std::min(survey.infinite, row);
                      }
                    });
  WeightSurvey all = nothing;
  for (const WeightSurvey& survey : surveys) {
    all.positive += survey.positive;
    all.odd = std::min(all.odd, survey.odd);
    all.infinite = std::min(all.infinite, survey.infinite);
  }
  if (all.odd == kNone) all.odd = -1;
  if (all.infinite == kNone) all.infinite = -1;
  return all;
}

}  // namespace tql_engine
