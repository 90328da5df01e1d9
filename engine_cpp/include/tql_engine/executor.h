// Runs a plan against its sources.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tql_engine/plan.h"
#include "tql_engine/selection.h"
#include "tql_engine/source.h"

namespace tql_engine {

/// What a plan may read.
struct Sources {
  SourcePtr bound;  // null: there is none
  std::map<std::string, SourcePtr> named;
};

struct ExecuteOptions {
  uint64_t seed = 0;
  int threads = 0;  // 0: one per core
  /// Called now and then from the calling thread; what it throws ends the query.
  std::function<void()> check_interrupt;
  HostFunctions functions = {};
  std::optional<int64_t> memory_limit = {};  // in bytes
  int64_t* failed_node = nullptr;            // the id of the node in which the query failed goes there
};

/// What one conjunct of a filter did.
struct ConjunctStatistics {
  int64_t rows_in = 0;  // that had passed those before it
  int64_t rows_out = 0;
  int64_t rows_tested = 0;  // more than came in where it runs over whole words of bits
  int64_t nanoseconds = 0;  // of all threads, with the reading that it was the first to need
  int64_t place = 0;        // in the order of evaluation, as it was in the end
};

/// Blocks of rows, at most 65536 each, as the zone maps of their columns decided.
struct ZoneStatistics {
  int64_t read = 0;
  int64_t skipped = 0;   // no row passes
  int64_t accepted = 0;  // every row passes, none was read
};

struct NodeStatistics {
  int64_t id = 0;
  int64_t rows_in = 0;
  int64_t rows_out = 0;
  int64_t nanoseconds = 0;  // of this node, its inputs not counted
  int64_t bytes_read = 0;
  int64_t partitions_read = 0;
  std::vector<ConjunctStatistics> conjuncts = {};  // of a filter, in the order of the plan
  std::optional<ZoneStatistics> zones = {};        // of a filter over a source that keeps zone maps
  int64_t peak_bytes = 0;  // the most memory that the execution held while the node ran
};

struct ExecuteResult {
  Selection selection;                // of rows of the source below
  std::optional<std::string> source;  // the key of a named one
  SourcePtr made;                     // one that the plan made; neither: the bound one
  std::vector<std::pair<std::string, Column>> columns;
  std::vector<NodeStatistics> statistics;  // inputs before what reads them
  int64_t peak_bytes = 0;                  // the most memory that the execution held
};

/// The answer does not depend on the number of threads. Throws EngineError, MemoryLimitError among them, and
/// whatever the source throws.
ExecuteResult execute(const Plan& plan, const Sources& sources, const ExecuteOptions& options);

}  // namespace tql_engine
