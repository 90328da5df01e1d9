// Zone maps: what is known of the values of a column in ranges of rows, kept with a source across queries, so
// that a filter need not read what cannot match. Small materialised aggregates (G. Moerkotte, VLDB 1998).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <variant>
#include <vector>

#include "tql_engine/column.h"

namespace tql_engine {

/// A value of a column without loss: signed, unsigned (bools too), or float.
using Number = std::variant<int64_t, uint64_t, double>;

/// Rows [start, stop) of a column of scalars.
struct Zone {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t nulls = 0;        // rows that are NULL
  bool has_nan = false;     // some row is NaN
  bool has_values = false;  // some row is neither
  Number low;               // bounds of these; not necessarily among them
  Number high;
  /// Of integers that span less than 64: bit i says whether low + i may occur. 0: nothing is known.
  uint64_t members = 0;

  int64_t rows() const noexcept { return stop - start; }
};

/// The zones of one column. May be used from many threads.
class ZoneColumn {
 public:
  /// Rows of a zone that is measured, at most.
  static constexpr int64_t kZoneRows = 1 << 16;

  /// Adds what was measured of rows. Zones may overlap; one that adds nothing is dropped.
  void add(const Zone& zone);
  /// Takes what a format says of all its rows: zones in ascending order that do not overlap.
  void declare(std::vector<Zone> zones);
  bool is_declared() const;
  /// What was measured, in ascending order: enough to `add` it again to the zones of the same rows.
  std::vector<Zone> measured() const;
  int64_t num_measured() const;

  /// Whether every row of [begin, end) is in some zone.
  bool covers(int64_t begin, int64_t end) const;
  /// Calls visit(zone) for zones that together have all rows of [begin, end), until it returns false. Returns
  /// false, having called it or not, if they have not.
  template <class Visit>
  bool visit(int64_t begin, int64_t end, Visit&& visit) const {
    const std::shared_lock lock(mutex_);
    return visit_zones(declared_, longest_declared_, begin, end, visit) ||
           visit_zones(measured_, kZoneRows, begin, end, visit);
  }

 private:
  using Zones = std::map<int64_t, Zone>;  // by where they start

  template <class Visit>
  static bool visit_zones(const Zones& zones, int64_t longest, int64_t begin, int64_t end, Visit& visit) {
    int64_t covered = begin;
    for (auto next = zones.lower_bound(begin - longest + 1); next != zones.end() && covered < end; ++next) {
      const Zone& zone = next->second;
      if (zone.stop <= covered) continue;
      if (zone.start > covered) return false;
      if (!visit(zone)) return true;
      covered = zone.stop;
    }
    return covered >= end;
  }

  mutable std::shared_mutex mutex_;
  Zones declared_;
  int64_t longest_declared_ = 1;
  Zones measured_;
};

/// The zones of a column of a source whose row r is row r + `offset` of them. No column: nothing is kept.
struct ZoneView {
  std::shared_ptr<ZoneColumn> column;
  int64_t offset = 0;
};

/// The zones of the columns of one source. May be used from many threads.
class ZoneMaps {
 public:
  ZoneView of(const std::string& column);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<ZoneColumn>> columns_;
};

/// Whether rows of such a column can be measured: one number each.
bool has_zones(const Column& column) noexcept;

/// What rows [begin, end) of a column hold; the first of them is row `start` of the source.
Zone measure_zone(const Column& column, int64_t begin, int64_t end, int64_t start);

}  // namespace tql_engine
