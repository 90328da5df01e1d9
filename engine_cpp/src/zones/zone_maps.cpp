// The zones of a source: kept, found again.
#include "tql_engine/zone_maps.h"

#include <algorithm>

namespace tql_engine {

void ZoneColumn::add(const Zone& zone) {
  if (covers(zone.start, zone.stop)) return;
  const std::unique_lock lock(mutex_);
  Zone& place = measured_[zone.start];
  if (place.stop < zone.stop) place = zone;
}

void ZoneColumn::declare(std::vector<Zone> zones) {
  const std::unique_lock lock(mutex_);
  for (Zone& zone : zones) {
    longest_declared_ = std::max(longest_declared_, zone.rows());
    declared_[zone.start] = zone;
  }
}

bool ZoneColumn::is_declared() const {
  const std::shared_lock lock(mutex_);
  return !declared_.empty();
}

std::vector<Zone> ZoneColumn::measured() const {
  const std::shared_lock lock(mutex_);
  std::vector<Zone> zones;
  zones.reserve(measured_.size());
  for (const auto& [start, zone] : measured_) zones.push_back(zone);
  return zones;
}

int64_t ZoneColumn::num_measured() const {
  const std::shared_lock lock(mutex_);
  return static_cast<int64_t>(measured_.size());
}

bool ZoneColumn::covers(int64_t begin, int64_t end) const {
  return visit(begin, end, [](const Zone&) { return true; });
}

ZoneView ZoneMaps::of(const std::string& column) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<ZoneColumn>& zones = columns_[column];
  if (zones == nullptr) zones = std::make_shared<ZoneColumn>();
  return {zones, 0};
}

}  // namespace tql_engine
