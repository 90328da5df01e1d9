// Walks the plan, inputs first, and stands between the operators and the source: every column that comes back
// is checked against what the plan said.
#include "tql_engine/executor.h"

#include <algorithm>
#include <string>

#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr std::chrono::milliseconds kInterruptInterval{20};

[[noreturn]] void blame_source(const std::string& message) {
  throw EngineError(Code::kInternal, "the source " + message);
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

Relation Relation::slice(int64_t start, int64_t count) const {
  Relation result{rows.slice(start, count), {}};
  const int64_t begin = std::min(start, size());
  for (const auto& [id, column] : computed)
    result.computed.emplace(id, column.slice(begin, begin + result.size()));
  return result;
}

Relation Relation::select(std::span<const int64_t> positions, ThreadPool& pool) const {
  Relation result{rows.select(positions, &pool), {}};
  for (const auto& [id, column] : computed) result.computed.emplace(id, column.take(positions));
  return result;
}

Execution::Execution(Source& source, const ExecuteOptions& options)
    : source_(source),
      pool_(ThreadPool::shared(options.threads)),
      seed_(options.seed),
      interrupt_(options.check_interrupt),
      caller_(std::this_thread::get_id()),
      last_check_(Clock::now()),
      num_rows_(source.num_rows()) {
  if (num_rows_ < 0) blame_source("has a negative number of rows");
}

Relation Execution::run(const Node& node) {
  NodeStatistics statistics;
  statistics.id = node.id;
  Relation result = run_operator(node, statistics);
  statistics.rows_out = result.size();
  statistics_.push_back(statistics);
  return result;
}

Relation Execution::run_operator(const Node& node, NodeStatistics& statistics) {
  // Inputs first; then this node's clock runs and what is read counts for it.
  const auto timed = [&](int64_t rows_in, const auto& work) {
    statistics.rows_in = rows_in;
    NodeStatistics* outer = current_;
    current_ = &statistics;
    check_interrupt();
    const auto start = Clock::now();
    Relation result = work();
    statistics.nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
    current_ = outer;
    return result;
  };
  const auto unary = [&](const NodePtr& input, const auto& work) {
    const Relation rows = run(*input);
    return timed(rows.size(), [&] { return work(rows); });
  };
  return std::visit(
      Overloaded{
          [&](const Scan&) {
            return timed(num_rows_, [&] { return Relation{Selection::range(0, num_rows_), {}}; });
          },
          [&](const Filter& op) {
            return unary(op.input, [&](const Relation& in) { return run_filter(*this, op, in); });
          },
          [&](const Sort& op) {
            return unary(op.input, [&](const Relation& in) { return run_sort(*this, op, in); });
          },
          [&](const Limit& op) {
            return unary(op.input,
                         [&](const Relation& in) { return in.slice(op.offset, op.count.of(in.size())); });
          },
          [&](const Sample& op) {
            return unary(op.input, [&](const Relation& in) { return run_sample(*this, op, in, node.id); });
          },
          [&](const Distinct& op) {
            return unary(op.input, [&](const Relation& in) { return run_distinct(*this, op, in); });
          },
          [&](const Project& op) {
            return unary(op.input, [&](const Relation& in) { return run_project(*this, op, in); });
          },
          [&](const Combine& op) {
            const Relation left = run(*op.left);
            const Relation right = run(*op.right);
            return timed(left.size() + right.size(), [&] { return run_combine(*this, op, left, right); });
          },
      },
      node.op);
}

void Execution::check(const Column& column, const ColumnRef& ref, int64_t rows) const {
  if (column.length() != rows) {
    blame_source("gave " + std::to_string(column.length()) + " rows of column '" + ref.name +
                 "' instead of " + std::to_string(rows));
  }
  if (column.element() != ref.type.element) {
    blame_source("gave column '" + ref.name + "' as " + std::string(element_name(column.element())) +
                 ", the plan says " + std::string(element_name(ref.type.element)));
  }
  if (ref.type.shape && static_cast<size_t>(column.rank()) != ref.type.shape->size()) {
    blame_source("gave column '" + ref.name + "' with rank " + std::to_string(column.rank()) +
                 ", the plan says " + std::to_string(ref.type.shape->size()));
  }
}

Column Execution::read(const ColumnRef& column, RowRange rows) {
  Column result = source_.read(column.name, column.facet, rows.start, rows.stop);
  check(result, column, rows.stop - rows.start);
  current_->bytes_read += result.byte_count();
  ++current_->partitions_read;
  return result;
}

Column Execution::take(const ColumnRef& column, std::span<const int64_t> rows) {
  Column result = source_.take(column.name, column.facet, rows);
  check(result, column, static_cast<int64_t>(rows.size()));
  current_->bytes_read += result.byte_count();
  return result;
}

std::vector<RowRange> Execution::partitions(std::span<const ColumnRef> columns, RowRange rows) {
  if (rows.start >= rows.stop) return {};
  if (columns.empty()) return {rows};
  std::vector<std::string> names;
  for (const ColumnRef& column : columns) {
    if (std::find(names.begin(), names.end(), column.name) == names.end()) names.push_back(column.name);
  }
  std::vector<RowRange> result;
  int64_t expected = 0;
  for (const RowRange& part : source_.partitions(names)) {
    if (part.start != expected || part.stop < part.start)
      blame_source("has partitions with gaps or out of order");
    expected = part.stop;
    const RowRange cut{std::max(part.start, rows.start), std::min(part.stop, rows.stop)};
    if (cut.start < cut.stop) result.push_back(cut);
  }
  if (expected != num_rows_) blame_source("has partitions that do not cover all rows");
  return result;
}

void Execution::parallel_for(int64_t count, int64_t grain, const ThreadPool::Body& body) {
  pool_.parallel_for(count, grain, [&](int64_t begin, int64_t end, int worker) {
    if (std::this_thread::get_id() == caller_) check_interrupt();
    body(begin, end, worker);
  });
}

void Execution::check_interrupt() {
  const auto now = Clock::now();
  if (now - last_check_ < kInterruptInterval) return;
  last_check_ = now;
  if (interrupt_) interrupt_();
}

ExecuteResult execute(const Plan& plan, Source& source, const ExecuteOptions& options) {
  Execution execution(source, options);
  Relation relation = execution.run(plan.root());
  ExecuteResult result{std::move(relation.rows), {}, execution.statistics()};
  for (const auto& [name, id] : plan.computed_output())
    result.columns.emplace_back(name, relation.computed.at(id));
  return result;
}

}  // namespace tql_engine
