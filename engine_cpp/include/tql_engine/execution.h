// One run of a plan: what the operators share. Only the thread that called execute() reads from the source.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "tql_engine/counted_vector.h"
#include "tql_engine/executor.h"
#include "tql_engine/memory_budget.h"
#include "tql_engine/relation.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {

class Execution {
 public:
  Execution(const Sources& sources, const ExecuteOptions& options);

  Relation run(const Node& node);
  const std::vector<NodeStatistics>& statistics() const noexcept { return statistics_; }

  ThreadPool& pool() noexcept { return pool_; }
  int threads() const noexcept { return pool_.threads(); }
  uint64_t seed() const noexcept { return seed_; }

  /// Evaluators of a program over rows of a source, one per worker. Reads the cells that it names. Throws
  /// EngineError(kRuntime) if one is out of range, and EngineError(kInternal) for a function that is not
  /// there.
  std::vector<std::unique_ptr<Evaluator>> evaluators(const SourcePtr& source, const Program& program,
                                                     OnConflict on_conflict);

  /// Reads rows of a column and checks what came back. Both count for the node that runs.
  Column read(Source& source, const ColumnRef& column, RowRange rows);
  Column take(Source& source, const ColumnRef& column, std::span<const int64_t> rows);
  /// Checks what a source gave for a column, and counts it for the node that runs.
  Column accept(Column values, const ColumnRef& column);
  /// The same column, counted as held while anybody keeps it: what a source that is not in memory gave. What
  /// a source needs while it reads is its own. From any thread; throws MemoryLimitError.
  Column hold(Column values) const;
  /// The partitions for these columns, cut to `rows`; none of them empty. Without columns it is `rows`
  /// itself. Where memory is limited they are cut further, so that a few of them fit.
  static std::vector<RowRange> partitions(Source& source, std::span<const ColumnRef> columns, RowRange rows);

  /// Of the node that runs.
  NodeStatistics& node_statistics() noexcept { return *current_; }
  /// Of this execution; the current one of every thread that works for it.
  const MemoryBudgetPtr& memory() const noexcept { return memory_; }

  /// Counts what else was read for the node that runs.
  void count(const Column& column) noexcept { current_->bytes_read += column.byte_count(); }

  /// The key under which the caller handed over a source; nothing for the bound source and for made ones.
  std::optional<std::string> key_of(const SourcePtr& source) const;
  bool is_made(const SourcePtr& source) const;

  /// A loop over rows on all threads. This and any other loop of a pool that the query's thread runs looks
  /// for interrupts now and then.
  void parallel_for(int64_t count, int64_t grain, const ThreadPool::Body& body);
  /// For other loops, on the calling thread: ends the query if that was asked for.
  void check_interrupt();
  /// Whether that has happened.
  bool is_interrupted() const noexcept { return interrupted_; }

 private:
  Relation run_operator(const Node& node, NodeStatistics& statistics);
  const SourcePtr& base(const std::optional<std::string>& key);
  Column cell(const SourcePtr& source, const CellRef& cell);

  using Clock = std::chrono::steady_clock;

  const Sources& sources_;
  std::map<std::optional<std::string>, SourcePtr>
      bases_;  // that were scanned, checked; no key: the bound one
  ThreadPool& pool_;
  uint64_t seed_;
  MemoryBudgetPtr memory_;
  const HostFunctions& functions_;
  std::map<std::tuple<SourcePtr, std::string, int64_t>, Column> cells_;  // that were read
  const std::function<void()>& interrupt_;
  int64_t* const failed_node_;
  bool interrupted_ = false;
  Clock::time_point last_check_;
  std::map<int64_t, Relation> made_;  // what nodes with these numbers gave
  NodeStatistics* current_ = nullptr;
  std::vector<NodeStatistics> statistics_;
};

/// Whether one reading serves both: the same of a column, as the same type.
bool same_column(const ColumnRef& left, const ColumnRef& right) noexcept;

/// Rows of a batch such that its arrays stay within the cache: fewer, the larger the rows of the columns are.
int64_t batch_rows(const Segment& segment) noexcept;

/// The programs over all rows of a relation, one column each.
std::vector<Column> evaluate_columns(Execution& execution, const Relation& relation,
                                     std::span<const Program* const> programs);

/// A column of the first `rows` rows of a vector; `type` as the plan declares it decides between dense and
/// ragged.
Column materialize(const Vector& vector, int64_t rows, const Type& type);

Relation run_filter(Execution& execution, const Condition& condition, const Relation& input);
/// Positions of the input where the condition is true, ascending.
CountedVector<int64_t> passing_positions(Execution& execution, const Condition& condition,
                                         const Relation& input);
Relation run_sort(Execution& execution, const Sort& sort, const Relation& input);
Relation run_sample(Execution& execution, const Sample& sample, const Relation& input, int64_t node_id);
Relation run_combine(Execution& execution, const Combine& combine, const Relation& left,
                     const Relation& right);
Relation run_distinct(Execution& execution, const Distinct& distinct, const Relation& input);
Relation run_project(Execution& execution, const Project& project, const Relation& input);
Relation run_bm25(Execution& execution, const Bm25& op, const Relation& input);
Relation run_vector_search(Execution& execution, const VectorSearch& op, const Relation& input);
Relation run_expand(Execution& execution, const Expand& expand, const Relation& input);
Relation run_join(Execution& execution, const Join& join, const Relation& left, const Relation& right);
Relation run_group(Execution& execution, const Group& group, const Relation& input);
Relation run_ungroup(Execution& execution, const Ungroup& ungroup, const Relation& input);
Relation run_append(Execution& execution, const Append& append, const Relation& left, const Relation& right);

/// Expansions, joins and draws of more rows are refused: their row numbers alone would fill the memory.
inline constexpr int64_t kMaxMadeRows = int64_t{1} << 31;

}  // namespace tql_engine
