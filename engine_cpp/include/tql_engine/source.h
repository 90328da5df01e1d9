// What the engine asks of storage. It knows no format.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/kernel.h"

namespace tql_engine {

struct RowRange {
  int64_t start;
  int64_t stop;
};

/// Called from the thread that called execute() and no other.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t num_rows() = 0;
  /// Row ranges that are cheap to read together, ascending, without gaps, covering all rows. The engine
  /// checks.
  virtual std::vector<RowRange> partitions(std::span<const std::string> columns) = 0;
  virtual Column read(const std::string& column, Facet facet, int64_t start, int64_t stop) = 0;
  virtual Column take(const std::string& column, Facet facet, std::span<const int64_t> rows) = 0;
};

}  // namespace tql_engine
