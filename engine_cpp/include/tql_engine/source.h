// What the engine asks of storage. It knows no format.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/kernel.h"
#include "tql_engine/zone_maps.h"

namespace tql_engine {

struct RowRange {
  int64_t start;
  int64_t stop;
};

/// Rows with columns that are read on demand. May be called from any thread.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t num_rows() = 0;
  /// Row ranges that are cheap to read together, ascending, without gaps, covering all rows.
  virtual std::vector<RowRange> partitions(std::span<const std::string> columns) = 0;
  virtual Column read(const std::string& column, Facet facet, int64_t start, int64_t stop) = 0;
  virtual Column take(const std::string& column, Facet facet, std::span<const int64_t> rows) = 0;
  /// Whether reading is no more than looking at memory: many small reads cost no more than few large ones,
  /// and none need be made ahead.
  virtual bool in_memory() { return false; }
  /// Whether a plan made it. It puts rows together when they are asked for, from those of other sources.
  virtual bool is_made() const noexcept { return false; }
  /// Where what is found out about the values of a column is kept. Nothing unless they can never change.
  virtual ZoneView zones(const std::string&) { return {}; }
  /// At least min(count, rows) rows, each once, among them most of those whose vectors lie nearest to
  /// `query`, by an index of the column for this metric. Throws EngineError(kInternal) where there is no such
  /// index.
  virtual std::vector<int64_t> nearest(const std::string& column, const std::string& metric,
                                       std::span<const double> query, int64_t count);
};

using SourcePtr = std::shared_ptr<Source>;

/// A source that is not trusted: how many rows it has and gives, and where its partitions lie, is checked.
/// What can't change while a plan runs is asked for once: a source may be slow to answer. Throws
/// EngineError(kInternal) where it is not what it must be, and whatever the source throws.
class CheckedSource final : public Source {
 public:
  explicit CheckedSource(SourcePtr source);

  int64_t num_rows() override { return num_rows_; }
  std::vector<RowRange> partitions(std::span<const std::string> columns) override;
  Column read(const std::string& column, Facet facet, int64_t start, int64_t stop) override;
  Column take(const std::string& column, Facet facet, std::span<const int64_t> rows) override;
  bool in_memory() override { return in_memory_; }
  ZoneView zones(const std::string& column) override;
  std::vector<int64_t> nearest(const std::string& column, const std::string& metric,
                               std::span<const double> query, int64_t count) override;

 private:
  SourcePtr source_;
  int64_t num_rows_;
  bool in_memory_;
  std::mutex mutex_;  // of what follows, which is asked for once
  std::map<std::vector<std::string>, std::vector<RowRange>> partitions_;
  std::map<std::string, ZoneView> zones_;
};

/// Throws EngineError(kInternal) if a column that a source gave is not of the type that the plan says.
void check_type(const Column& column, const std::string& name, const Type& type);

}  // namespace tql_engine
