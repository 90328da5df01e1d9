// What a kernel is: a binder that, given the types of its arguments, picks its loop once and returns an
// operation; and the operation, which fills a register for the rows of a batch.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/status.h"
#include "tql_engine/value.h"
#include "tql_engine/vector.h"

namespace tql_engine {

enum class Facet : uint8_t { kValues, kShape };

struct ColumnRef {
  std::string name;
  Facet facet;
  Type type;
};

/// One row of a column, the same for every row that a program is evaluated for.
struct CellRef {
  ColumnRef column;
  int64_t row;  // below zero: from the end
  Span span;
};

/// What a program reads.
struct ProgramInputs {
  std::vector<ColumnRef> columns;
  std::vector<std::string> computed;
  std::vector<CellRef> cells;
  bool positions = false;  // of rows in the input relation
};

/// An affine or listed map from position to row number.
struct RowNumbers {
  const int64_t* list = nullptr;
  int64_t first = 0;

  int64_t at(int64_t position) const noexcept { return list != nullptr ? list[position] : first + position; }
};

/// Rows whose columns have been read: row p of each column is row p of the segment.
struct Segment {
  int64_t size = 0;
  std::vector<Column> columns;   // in the order of the program's inputs
  std::vector<Column> computed;  // likewise
  RowNumbers source;             // row numbers in the source, for messages
  RowNumbers position;           // positions in the input relation, for row_number() and random()
};

/// Some rows of a segment: [begin, begin + size), or begin + picked[0 .. size).
struct Batch {
  const Segment* segment = nullptr;
  int64_t begin = 0;
  int64_t size = 0;
  const int32_t* picked = nullptr;

  int64_t row(int64_t i) const noexcept { return begin + (picked != nullptr ? picked[i] : i); }
};

/// What becomes of a row whose arrays have shapes that do not go together.
enum class OnConflict : uint8_t { kDropRow, kError };

/// Where a function of the host is called: at a place of the query, for some rows. Valid during the call.
struct HostCall {
  Span span;
  const Batch& batch;
  int64_t first = 0;

  /// The row number in the source of the call's row i.
  int64_t row(int64_t i) const noexcept { return batch.segment->source.at(batch.row(first + i)); }
};

/// A function of the host: columns of some rows in, a column of as many rows out; without arguments one row.
/// Called from any thread; what it throws ends the query.
using HostFunction = std::function<Column(const HostCall& call, std::span<const Column> args)>;
using HostFunctions = std::map<std::string, HostFunction, std::less<>>;

/// What a program uses beside its rows.
struct Surroundings {
  uint64_t seed = 0;
  const HostFunctions* functions = nullptr;
  std::vector<Column> cells;  // of one row each, in the order of the program's inputs
};

/// One batch being evaluated.
struct Frame {
  Batch batch;
  Surroundings surroundings;
  OnConflict on_conflict = OnConflict::kError;
  Span span;  // of the running instruction
  bool has_conflicts = false;
  Buffer conflicts;  // one byte per row, valid only if has_conflicts

  int64_t size() const noexcept { return batch.size; }
  /// Notes that two shapes of this row do not go together: throws, or marks the row as dropped.
  void conflict(int64_t row, const int64_t* x_dims, int x_rank, const int64_t* y_dims, int y_rank);
  /// Throws an EngineError at the running instruction.
  [[noreturn]] void fail(Code code, const std::string& message, int64_t row = -1) const;
};

/// Shapes in messages: "[3, 4]".
std::string shape_text(const int64_t* dims, int rank);

class Operation {
 public:
  virtual ~Operation() = default;
  virtual void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const = 0;
  /// Whether equal arguments always give the same, so that it may be worked out once for many rows.
  virtual bool is_repeatable() const noexcept { return true; }
};

/// What a binder knows about its instruction.
struct BindContext {
  std::string_view kernel;
  std::span<const Type> args;
  Type result;          // as declared
  const Dict* members;  // the instruction in the plan
  ProgramInputs* inputs;
  uint64_t stream;  // of random numbers, this instruction's own
  Span span;
};

/// A bound instruction and the element that it really gives; the compiler checks it against the declared one.
struct Bound {
  std::unique_ptr<const Operation> operation;
  Element element;
};

struct Kernel {
  std::string_view name;
  int min_args;
  int max_args;
  Bound (*bind)(const BindContext& context);
  /// Whether the kernel takes float16 as it is; for the others programs widen it to float32.
  bool takes_half = false;
};

inline constexpr int kAnyNumber = 1 << 20;

[[noreturn]] void refuse_argument(const BindContext& context, size_t argument);

}  // namespace tql_engine
