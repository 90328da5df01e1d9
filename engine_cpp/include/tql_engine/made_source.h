// Sources that a plan makes: rows that no storage has, put together on demand from the rows of the relations
// below them.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tql_engine/counted_vector.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/positions.h"
#include "tql_engine/relation.h"
#include "tql_engine/source.h"

namespace tql_engine {

/// A column of a made source.
struct MadeColumn {
  std::string id;
  Type type;
};

/// What all of them share. Keeps what it reads from alive; may be read from any thread, and puts many rows
/// together on the threads of its pool.
class MadeSource : public Source {
 public:
  /// Even ranges of at most some tens of megabytes of these columns.
  std::vector<RowRange> partitions(std::span<const std::string> columns) override;
  /// Throws EngineError(kInternal) for a column that it does not have, and std::out_of_range.
  Column read(const std::string& column, Facet facet, int64_t start, int64_t stop) override;
  Column take(const std::string& column, Facet facet, std::span<const int64_t> rows) override;

  /// Rows are put together when they are asked for, so there is nothing to fetch before.
  bool in_memory() override { return true; }
  bool is_made() const noexcept override { return true; }

  /// Whether the shapes of a column say NULL where its rows are.
  virtual bool shapes_tell_null(const std::string&) const { return false; }

 protected:
  MadeSource(ThreadPool& pool, std::vector<MadeColumn> columns)
      : pool_(&pool), columns_(std::move(columns)) {}

  ThreadPool* pool() const noexcept { return pool_; }

  /// Rows of column `index`; they are within range, and there is at least one.
  virtual Column rows(size_t index, Facet facet, std::span<const int64_t> rows) = 0;
  /// Rows [start, stop), not empty.
  virtual Column range(size_t index, Facet facet, int64_t start, int64_t stop);
  /// Bytes of a row on average, going by a few. There is at least one.
  virtual int64_t row_bytes(size_t index);

 private:
  size_t index_of(const std::string& column) const;
  int64_t known_row_bytes(size_t index);

  ThreadPool* pool_;
  std::vector<MadeColumn> columns_;
  std::mutex mutex_;
  std::map<size_t, int64_t> row_bytes_;  // of columns that were asked for
};

struct JoinColumn : MadeColumn {
  bool right;
  InputColumn input;
};

/// Positions of pairs of rows; one of a pair may be missing.
struct JoinPairs {
  PositionList left;
  PositionList right;
};

/// Pairs of rows of two relations.
class JoinSource final : public MadeSource {
 public:
  JoinSource(ThreadPool& pool, Relation left, Relation right, JoinPairs pairs,
             std::vector<JoinColumn> columns);
  /// All pairs, the left row outermost.
  JoinSource(ThreadPool& pool, Relation left, Relation right, std::vector<JoinColumn> columns);

  int64_t num_rows() override { return num_rows_; }
  const JoinPairs& pairs() const noexcept { return pairs_; }

 protected:
  Column rows(size_t index, Facet facet, std::span<const int64_t> rows) override;
  Column range(size_t index, Facet facet, int64_t start, int64_t stop) override;

 private:
  Relation left_;
  Relation right_;
  JoinPairs pairs_;  // empty where all pairs are meant
  bool all_pairs_;
  int64_t num_rows_;
  std::vector<JoinColumn> made_;
};

struct GroupColumn : MadeColumn {
  enum class Kind : uint8_t {
    kValues,     // a column's values in the rows of the group
    kFirst,      // a column's value in its first row
    kSize,       // the number of its rows, made from no column
    kAggregate,  // what was computed of its rows
  };
  Kind kind;
  InputColumn input;  // of kValues and kFirst
};

/// Which rows the groups have, as far as columns ask for it.
struct GroupRows {
  int64_t count = 0;                 // of groups
  HeapArray<int64_t> firsts;         // the first row of each, for kFirst
  HeapArray<int64_t> order;          // for kValues: group g has the rows order[offsets[g]] ..
  HeapArray<int64_t> offsets;        // .. order[offsets[g + 1] - 1]
  std::map<size_t, Column> scalars;  // of kSize and kAggregate, one per group, by the place of the column
};

/// Groups of rows of a relation.
class GroupSource final : public MadeSource {
 public:
  GroupSource(ThreadPool& pool, Relation input, GroupRows groups, std::vector<GroupColumn> columns);

  int64_t num_rows() override { return groups_.count; }
  bool shapes_tell_null(const std::string&) const override { return true; }

 protected:
  Column rows(size_t index, Facet facet, std::span<const int64_t> rows) override;
  Column range(size_t index, Facet facet, int64_t start, int64_t stop) override;

 private:
  int64_t row_bytes(size_t index) override;
  Column gather(size_t index, Facet facet, std::span<const int64_t> positions,
                CountedVector<int64_t> row_offsets);

  Relation input_;
  GroupRows groups_;
  std::vector<GroupColumn> made_;
};

/// How an ungroup cuts the first axis of a row.
struct Cutting {
  enum class Kind : uint8_t { kSplit, kParts, kLengths };
  Kind kind = Kind::kSplit;
  int64_t parts = 0;            // of kParts
  std::vector<int64_t> bounds;  // of kLengths: where the runs begin and end, from 0 on

  /// How many rows are made of one row of this length.
  int64_t rows_of(int64_t length) const noexcept;
  /// The entries of the row made at this place.
  RowRange entries(int64_t length, int64_t place) const noexcept;
};

struct UngroupColumn : MadeColumn {
  enum class Mode : uint8_t { kElement, kPart, kRepeat, kPosition };
  Mode mode;
  InputColumn input;  // of none for kPosition
};

/// Rows of a relation, each cut into rows.
class UngroupSource final : public MadeSource {
 public:
  /// `lengths`: of the first axis, per row of the input; `starts`: [rows + 1], the first row made of each.
  UngroupSource(ThreadPool& pool, Relation input, Cutting cutting, CountedVector<int64_t> lengths,
                CountedVector<int64_t> starts, std::vector<UngroupColumn> columns);

  int64_t num_rows() override { return starts_.back(); }

 protected:
  Column rows(size_t index, Facet facet, std::span<const int64_t> rows) override;

 private:
  /// For each of some rows the row of the input and its place among those made of it.
  struct Places {
    CountedVector<int64_t> inputs;
    CountedVector<int64_t> numbers;
  };

  Places places_of(std::span<const int64_t> rows) const;
  std::optional<Column> known_shapes(const UngroupColumn& column, const Places& places) const;
  Column cut_values(const UngroupColumn& column, const Places& places) const;

  Relation input_;
  Cutting cutting_;
  CountedVector<int64_t> lengths_;
  CountedVector<int64_t> starts_;
  std::vector<UngroupColumn> made_;
};

struct AppendColumn : MadeColumn {
  InputColumn left;
  InputColumn right;
};

/// The rows of one relation, then those of another.
class AppendSource final : public MadeSource {
 public:
  AppendSource(ThreadPool& pool, Relation left, Relation right, std::vector<AppendColumn> columns);

  int64_t num_rows() override { return left_.size() + right_.size(); }

 protected:
  Column rows(size_t index, Facet facet, std::span<const int64_t> rows) override;
  Column range(size_t index, Facet facet, int64_t start, int64_t stop) override;

 private:
  Relation left_;
  Relation right_;
  std::vector<AppendColumn> made_;
};

}  // namespace tql_engine
