// UNION, INTERSECT and EXCEPT: selections over one source, combined by row number.
#pragma once

#include <cstdint>

#include "tql_engine/counted_vector.h"
#include "tql_engine/selection.h"

namespace tql_engine {

class ThreadPool;

enum class SetOpKind : uint8_t { kUnion, kIntersect, kExcept };

struct SetOp {
  SetOpKind kind = SetOpKind::kUnion;
  /// Count repeats: UNION ALL keeps the rows of both sides; under INTERSECT ALL and EXCEPT ALL each right row
  /// matches one left row, the first that is not matched yet, and the matched or the other left rows remain.
  /// Without it each row comes once, where it came first.
  bool all = false;
  /// Left rows in their order and then the new right rows; else ascending row numbers, repeats next to each
  /// other.
  bool ordered = false;
};

/// Where a row of the answer comes from: a position of the left operand, or ~position of the right one.
using Origin = int64_t;

struct SetOpResult {
  Selection selection;
  /// [selection.size()] if asked for, else empty.
  CountedVector<Origin> origins;
};

/// Weights beside the operands are dropped.
SetOpResult combine(const SetOp& op, const Selection& left, const Selection& right, bool with_origins,
                    ThreadPool& pool);

}  // namespace tql_engine
