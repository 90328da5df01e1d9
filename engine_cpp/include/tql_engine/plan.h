// Physical plans: checked and compiled from plain data (docs/plan-format.md), then immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tql_engine/aggregate.h"
#include "tql_engine/made_source.h"
#include "tql_engine/program.h"
#include "tql_engine/set_ops.h"
#include "tql_engine/value.h"

namespace tql_engine {

struct Node;
using NodePtr = std::unique_ptr<const Node>;

struct Scan {
  std::optional<std::string> source;  // the key of a named one
};

struct Condition {
  std::vector<Program> conjuncts;  // in order of evaluation
  std::optional<int64_t> fetch;    // stop after so many rows
};

struct Filter {
  NodePtr input;
  Condition condition;
};

struct Sort {
  NodePtr input;
  std::vector<Program> keys;
  std::vector<bool> descending;  // per key
  std::optional<int64_t> fetch;
};

/// How many rows a limit or a sample wants.
struct Count {
  std::optional<int64_t> rows;
  std::optional<double> percent;  // of the rows that come in

  int64_t of(int64_t rows_in) const noexcept;
};

struct Limit {
  NodePtr input;
  int64_t offset;
  Count count;
};

struct Sample {
  NodePtr input;
  Program weight;
  bool replace;
  Count count;
};

struct Combine {
  NodePtr left;
  NodePtr right;
  SetOp op;
};

struct Distinct {
  NodePtr input;
  std::vector<Program> keys;
};

struct Project {
  NodePtr input;
  std::vector<std::string> ids;
  std::vector<Program> programs;  // per id
};

struct Bm25 {
  NodePtr input;
  std::string id;
  std::string column;
  std::string query;
};

struct VectorSearch {
  NodePtr input;
  std::string column;
  std::string metric;
  std::vector<double> query;
  int64_t count;
};

struct Expand {
  NodePtr input;
  Condition condition;
  int64_t before;
  int64_t after;
  bool overlap;
  std::optional<std::string> id;  // of the column with the windows' ordinals
};

enum class JoinKind : uint8_t { kInner, kLeft, kRight, kFull, kCross };

struct Join {
  NodePtr left;
  NodePtr right;
  JoinKind kind;
  std::vector<Program> keys;  // left, right; of a cross join none
  Condition condition;        // over the joined columns
  std::vector<JoinColumn> columns;
};

/// What is computed of the rows of each group.
struct GroupAggregate {
  AggregateFunction function;
  Program program;  // a scalar per row of the input
  size_t column;    // the place of the group's column that holds it
};

struct Group {
  NodePtr input;
  std::vector<Program> keys;
  std::vector<GroupColumn> columns;
  std::vector<GroupAggregate> aggregates;
};

struct Ungroup {
  NodePtr input;
  Cutting cutting;
  std::vector<UngroupColumn> columns;
};

struct Append {
  NodePtr left;
  NodePtr right;
  bool distinct;  // drop repeats of a source row within each side
  std::vector<AppendColumn> columns;
};

struct Node {
  int64_t id;
  std::variant<Scan, Filter, Sort, Limit, Sample, Combine, Distinct, Project, Bm25, VectorSearch, Expand,
               Join, Group, Ungroup, Append>
      op;
  /// Of a node that makes a source: nodes with one number make the same.
  std::optional<int64_t> made;
};

class Plan {
 public:
  /// Throws EngineError(kInternal) naming the node and the instruction for whatever is wrong with it.
  static Plan compile(const Value& plan);

  const Node& root() const noexcept { return *root_; }
  /// How far the nodes are nested, from 0.
  int depth() const noexcept { return depth_; }
  /// The computed columns that are asked for: visible name, id.
  const std::vector<std::pair<std::string, std::string>>& computed_output() const noexcept { return output_; }

 private:
  NodePtr root_;
  int depth_ = 0;
  std::vector<std::pair<std::string, std::string>> output_;
};

}  // namespace tql_engine
