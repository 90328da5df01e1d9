// MAX_WEIGHT and SUM_WEIGHT whose cases all run as words of bits: a block of rows that stays in the cache
// goes through all cases at once, straight into the weights.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tql_engine/kernel.h"
#include "tql_engine/mask_program.h"

namespace tql_engine {

/// The weights of a row's cases that hold: the largest (at least 0), or their sum. NULL holds not.
class WeightOperation final : public Operation {
 public:
  WeightOperation(std::vector<double> weights, bool largest)
      : weights_(std::move(weights)), largest_(largest) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
  /// One per argument.
  const std::vector<double>& weights() const noexcept { return weights_; }
  bool largest() const noexcept { return largest_; }

 private:
  std::vector<double> weights_;
  bool largest_;
};

class WeightProgram {
 public:
  /// Nothing if the result is no weight, or one of its cases has no form as bits.
  static std::optional<WeightProgram> compile(std::span<const Instruction> instructions, int result,
                                              const ProgramInputs& inputs);

  bool runs_on(const Segment& segment) const noexcept;
  /// out[i] becomes the weight of row `first` + i of the segment.
  void evaluate(const Segment& segment, int64_t first, int64_t n, double* out) const;

 private:
  std::vector<MaskProgram> cases_;
  std::vector<double> weights_;  // one per case
  bool largest_ = false;
};

}  // namespace tql_engine
