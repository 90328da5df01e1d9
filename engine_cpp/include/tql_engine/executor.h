// Runs a plan against a source.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tql_engine/plan.h"
#include "tql_engine/selection.h"
#include "tql_engine/source.h"

namespace tql_engine {

struct ExecuteOptions {
  uint64_t seed = 0;
  int threads = 0;  // 0: one per core
  /// Called now and then from the calling thread; what it throws ends the query.
  std::function<void()> check_interrupt;
};

struct NodeStatistics {
  int64_t id = 0;
  int64_t rows_in = 0;
  int64_t rows_out = 0;
  int64_t nanoseconds = 0;  // of this node, its inputs not counted
  int64_t bytes_read = 0;
  int64_t partitions_read = 0;
};

struct ExecuteResult {
  Selection selection;
  std::vector<std::pair<std::string, Column>> columns;
  std::vector<NodeStatistics> statistics;  // inputs before what reads them
};

/// The answer does not depend on the number of threads. Throws EngineError, and whatever the source throws.
ExecuteResult execute(const Plan& plan, Source& source, const ExecuteOptions& options);

}  // namespace tql_engine
