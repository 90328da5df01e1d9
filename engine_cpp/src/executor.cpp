// Walks the plan, inputs first, and stands between the operators and the sources: every column that comes
// back is checked against what the plan said.
#include "tql_engine/executor.h"

#include <algorithm>
#include <string>

#include "tql_engine/execution.h"
#include "tql_engine/node_error.h"
#include "tql_engine/poll.h"
#include "tql_engine/stack.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr std::chrono::milliseconds kInterruptInterval{20};
constexpr int kShallow = 50;  // levels for which every stack has room

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // not every compiler deduces it for aggregates

/// Bytes of a row of a column; where the type does not say it, going by a few rows.
int64_t row_bytes(Source& source, const ColumnRef& column, RowRange rows) {
  const Type& type = column.type;
  if (column.facet == Facet::kValues && type.is_fixed() && type.element != Element::kText && !type.nested) {
    const auto elements = checked_product(type.shape->data(), static_cast<int>(type.shape->size()));
    if (elements) return *elements * element_size(type.element);
  }
  constexpr int64_t kTriedRows = 64;
  const int64_t tried = std::min(kTriedRows, rows.stop - rows.start);
  return source.read(column.name, column.facet, rows.start, rows.start + tried).byte_count() / tried + 1;
}

/// The same rows in ranges of which each takes no more than a share of the memory that is left.
std::vector<RowRange> smaller(const std::vector<RowRange>& ranges, Source& source,
                              std::span<const ColumnRef> columns) {
  constexpr int64_t kLargestRange = 64 << 20;
  if (ranges.empty()) return {};
  int64_t bytes = 0;
  for (const ColumnRef& column : columns) bytes += row_bytes(source, column, ranges.front());
  const int64_t most = std::max<int64_t>(1, memory_share(kLargestRange) / std::max<int64_t>(bytes, 1));
  // Whole words of bits, where that is no question of memory.
  const int64_t step = most > Bitmap::kWordBits ? most - most % Bitmap::kWordBits : most;
  std::vector<RowRange> result;
  for (const RowRange& range : ranges) {
    for (int64_t start = range.start; start < range.stop; start += step) {
      result.push_back({start, std::min(start + step, range.stop)});
    }
  }
  return result;
}

}  // namespace

Execution::Execution(const Sources& sources, const ExecuteOptions& options)
    : sources_(sources),
      pool_(ThreadPool::shared(options.threads)),
      seed_(options.seed),
      memory_(std::make_shared<MemoryBudget>(options.memory_limit)),
      functions_(options.functions),
      interrupt_(options.check_interrupt),
      failed_node_(options.failed_node),
      last_check_(Clock::now()) {}

Relation Execution::run(const Node& node) {
  NodeStatistics statistics;
  statistics.id = node.id;
  const auto known = node.made ? made_.find(*node.made) : made_.end();
  Relation result = known != made_.end() ? known->second : run_operator(node, statistics);
  if (node.made && known == made_.end()) made_.emplace(*node.made, result);
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
    memory_->restart_peak();
    const auto start = Clock::now();
    try {
      Relation result = work();
      statistics.nanoseconds =
          std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
      statistics.peak_bytes = memory_->recent_peak();
      current_ = outer;
      return result;
    } catch (MemoryLimitError& error) {
      error.blame(node.id);
      throw;
    } catch (const NodeError&) {
      throw;  // of a node below
    } catch (const EngineError& error) {
      throw NodeError(error, node.id);
    } catch (...) {
      if (failed_node_ != nullptr) *failed_node_ = node.id;
      throw;
    }
  };
  const auto unary = [&](const NodePtr& input, const auto& work) {
    const Relation rows = run(*input);
    return timed(rows.size(), [&] { return work(rows); });
  };
  const auto binary = [&](const auto& op, const auto& work) {
    const Relation left = run(*op.left);
    const Relation right = run(*op.right);
    return timed(left.size() + right.size(), [&] { return work(*this, op, left, right); });
  };
  return std::visit(
      Overloaded{
          [&](const Scan& op) {
            const SourcePtr& source = base(op.source);
            const int64_t rows = source->num_rows();
            return timed(rows, [&] { return Relation{source, Selection::range(0, rows), {}}; });
          },
          [&](const Filter& op) {
            return unary(op.input, [&](const Relation& in) { return run_filter(*this, op.condition, in); });
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
          [&](const Bm25& op) {
            return unary(op.input, [&](const Relation& in) { return run_bm25(*this, op, in); });
          },
          [&](const VectorSearch& op) {
            return unary(op.input, [&](const Relation& in) { return run_vector_search(*this, op, in); });
          },
          [&](const Expand& op) {
            return unary(op.input, [&](const Relation& in) { return run_expand(*this, op, in); });
          },
          [&](const Group& op) {
            return unary(op.input, [&](const Relation& in) { return run_group(*this, op, in); });
          },
          [&](const Ungroup& op) {
            return unary(op.input, [&](const Relation& in) { return run_ungroup(*this, op, in); });
          },
          [&](const Combine& op) { return binary(op, run_combine); },
          [&](const Join& op) { return binary(op, run_join); },
          [&](const Append& op) { return binary(op, run_append); },
      },
      node.op);
}

std::vector<std::unique_ptr<Evaluator>> Execution::evaluators(const SourcePtr& source, const Program& program,
                                                              OnConflict on_conflict) {
  Surroundings surroundings{seed_, &functions_, {}};
  for (const CellRef& ref : program.inputs().cells) surroundings.cells.push_back(cell(source, ref));
  std::vector<std::unique_ptr<Evaluator>> workers;
  for (int worker = 0; worker < pool_.threads(); ++worker) {
    workers.push_back(std::make_unique<Evaluator>(program, surroundings, on_conflict));
  }
  return workers;
}

Column Execution::cell(const SourcePtr& source, const CellRef& cell) {
  const int64_t rows = source->num_rows();
  const int64_t row = cell.row < 0 ? cell.row + rows : cell.row;
  if (row < 0 || row >= rows) {
    throw EngineError(Code::kRuntime,
                      "column '" + cell.column.name + "' has " + std::to_string(rows) +
                          " rows, there is no row " + std::to_string(cell.row),
                      -1, cell.span);
  }
  const auto key = std::tuple(source, cell.column.name, row);
  const auto known = cells_.find(key);
  if (known != cells_.end()) {
    check_type(known->second, cell.column.name, cell.column.type);
    return known->second;
  }
  return cells_.emplace(key, take(*source, cell.column, {&row, 1})).first->second;
}

const SourcePtr& Execution::base(const std::optional<std::string>& key) {
  const auto known = bases_.find(key);
  if (known != bases_.end()) return known->second;
  SourcePtr source = sources_.bound;
  if (key) {
    const auto found = sources_.named.find(*key);
    if (found == sources_.named.end())
      throw EngineError(Code::kInternal, "there is no source '" + *key + "'");
    source = found->second;
  }
  if (source == nullptr) throw EngineError(Code::kInternal, "there is no bound source");
  return bases_.emplace(key, std::make_shared<CheckedSource>(std::move(source))).first->second;
}

std::optional<std::string> Execution::key_of(const SourcePtr& source) const {
  for (const auto& [key, base] : bases_) {
    if (base == source) return key;
  }
  return std::nullopt;
}

bool Execution::is_made(const SourcePtr& source) const {
  return std::none_of(bases_.begin(), bases_.end(), [&](const auto& base) { return base.second == source; });
}

Column Execution::hold(Column values) const {
  if (values.byte_count() == 0) return values;
  const MemoryBudget::Scope scope(&memory_);
  return values.keeping(std::make_shared<const Reservation>(values.byte_count()));
}

Column Execution::accept(Column values, const ColumnRef& column) {
  check_type(values, column.name, column.type);
  current_->bytes_read += values.byte_count();
  ++current_->partitions_read;
  return values;
}

Column Execution::read(Source& source, const ColumnRef& column, RowRange rows) {
  // What a plan made counts where it is put together.
  if (source.is_made()) return accept(source.read(column.name, column.facet, rows.start, rows.stop), column);
  Column values;
  {
    const MemoryBudget::Scope its_own(nullptr);
    values = source.read(column.name, column.facet, rows.start, rows.stop);
  }
  return accept(source.in_memory() ? std::move(values) : hold(std::move(values)), column);
}

Column Execution::take(Source& source, const ColumnRef& column, std::span<const int64_t> rows) {
  if (source.is_made()) {
    Column values = source.take(column.name, column.facet, rows);
    check_type(values, column.name, column.type);
    current_->bytes_read += values.byte_count();
    return values;
  }
  Column values;
  {
    const MemoryBudget::Scope its_own(nullptr);
    values = source.take(column.name, column.facet, rows);
  }
  check_type(values, column.name, column.type);
  current_->bytes_read += values.byte_count();
  return hold(std::move(values));
}

std::vector<RowRange> Execution::partitions(Source& source, std::span<const ColumnRef> columns,
                                            RowRange rows) {
  if (rows.start >= rows.stop) return {};
  if (columns.empty()) return {rows};
  std::vector<std::string> names;
  for (const ColumnRef& column : columns) {
    if (std::find(names.begin(), names.end(), column.name) == names.end()) names.push_back(column.name);
  }
  std::vector<RowRange> result;
  for (const RowRange& part : source.partitions(names)) {
    const RowRange cut{std::max(part.start, rows.start), std::min(part.stop, rows.stop)};
    if (cut.start < cut.stop) result.push_back(cut);
  }
  const MemoryBudgetPtr& memory = MemoryBudget::current();
  if (memory != nullptr && memory->is_limited() && !source.in_memory())
    return smaller(result, source, columns);
  return result;
}

bool same_column(const ColumnRef& left, const ColumnRef& right) noexcept {
  const Type& a = left.type;
  const Type& b = right.type;
  return left.name == right.name && left.facet == right.facet && a.element == b.element &&
         a.shape == b.shape && a.nullable == b.nullable && a.nested == b.nested;
}

void Execution::parallel_for(int64_t count, int64_t grain, const ThreadPool::Body& body) {
  pool_.parallel_for(count, grain, [&](int64_t begin, int64_t end, int worker) {
    const MemoryBudget::Scope scope(&memory_);
    body(begin, end, worker);
  });
}

void Execution::check_interrupt() {
  const auto now = Clock::now();
  if (now - last_check_ < kInterruptInterval) return;
  last_check_ = now;
  if (!interrupt_) return;
  interrupted_ = true;  // unless it comes back
  interrupt_();
  interrupted_ = false;
}

ExecuteResult execute(const Plan& plan, const Sources& sources, const ExecuteOptions& options) {
  if (plan.depth() > kShallow && !stack_has(static_cast<size_t>(plan.depth()) * kStackPerLevel)) {
    throw EngineError(Code::kInternal, "the stack of this thread is too small for the plan");
  }
  Execution execution(sources, options);
  const std::function<void()> check = [&] { execution.check_interrupt(); };
  const ScopedPoll poll(check);
  const MemoryBudgetPtr memory = execution.memory();
  const MemoryBudget::Scope scope(&memory);
  Relation relation = execution.run(plan.root());
  ExecuteResult result{std::move(relation.rows),
                       execution.key_of(relation.source),
                       nullptr,
                       {},
                       execution.statistics(),
                       memory->peak()};
  if (execution.is_made(relation.source)) result.made = std::move(relation.source);
  for (const auto& [name, id] : plan.computed_output())
    result.columns.emplace_back(name, relation.computed.at(id));
  return result;
}

}  // namespace tql_engine
