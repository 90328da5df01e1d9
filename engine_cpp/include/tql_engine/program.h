// Expression programs: compiled once from the plan, then evaluated over batches of rows by as many threads as
// there are, each with an evaluator (registers and scratch memory) of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/kernel.h"
#include "tql_engine/mask_program.h"
#include "tql_engine/value.h"
#include "tql_engine/vector.h"
#include "tql_engine/weight.h"
#include "tql_engine/zone_condition.h"

namespace tql_engine {

Type parse_type(const Value& value);

class Program {
 public:
  /// `stream`: where the random streams of its instructions begin. Throws EngineError(kInternal) naming the
  /// instruction for whatever is wrong with it.
  static Program compile(const Dict& program, uint64_t stream);
  /// One operation over one column, for operators that compute something of their own.
  static Program over_column(ColumnRef column, std::unique_ptr<const Operation> operation, Type result);

  const Type& result_type() const noexcept { return result_type_; }
  /// The place of the whole expression in the query.
  Span span() const noexcept { return instructions_[static_cast<size_t>(result_)].span; }
  const ProgramInputs& inputs() const noexcept { return inputs_; }
  /// The program does nothing but hand on a column of the source.
  const ColumnRef* as_plain_column() const noexcept;
  /// The program as bits, where it is a condition that has such a form.
  const std::optional<MaskProgram>& mask() const noexcept { return mask_; }
  /// The program as weights by bits, where it has such a form.
  const std::optional<WeightProgram>& weights() const noexcept { return weights_; }
  /// The program as a question about zones, where it is a condition that they may decide.
  const std::optional<ZoneCondition>& zones() const noexcept { return zones_; }
  /// Whether some value may end the query with an error, or a function of the host is called: such a
  /// condition is asked of the rows that passed those before it, and of no others.
  bool may_fail() const noexcept { return may_fail_; }

 private:
  friend class Evaluator;
  friend class ProgramCompiler;

  std::vector<Instruction> instructions_;
  int result_ = -1;
  Type result_type_;
  ProgramInputs inputs_;
  std::optional<MaskProgram> mask_;
  std::optional<WeightProgram> weights_;
  std::optional<ZoneCondition> zones_;
  bool may_fail_ = false;
};

/// Evaluates one program, one batch after the other. Not for two threads at once.
class Evaluator {
 public:
  Evaluator(const Program& program, Surroundings surroundings, OnConflict on_conflict);

  /// The values of the result register; they live until the next call.
  const Vector& evaluate(const Batch& batch);
  /// Evaluates a predicate: bit i of `words` becomes the truth of row i; bits behind the last row become 0.
  void mark(const Batch& batch, uint64_t* words);
  /// Evaluates a predicate and keeps rows: writes the positions (0 .. batch size - 1) where it is true,
  /// ascending, and returns how many.
  int64_t narrow(const Batch& batch, int32_t* kept);

 private:
  const Program& program_;
  Frame frame_;
  std::vector<Register> registers_;
  std::vector<const Vector*> args_;
  std::vector<uint64_t> words_;  // of `narrow`
};

}  // namespace tql_engine
