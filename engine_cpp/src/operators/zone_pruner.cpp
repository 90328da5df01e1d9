#include "zone_pruner.h"

#include <algorithm>

namespace tql_engine {
namespace {

constexpr int64_t kBlockRows = ZoneColumn::kZoneRows;
constexpr int64_t kTrialZones = 8;    // looked at in any case
constexpr int64_t kTellingShare = 4;  // so much more are measured than tell something
constexpr int64_t kSampledZones = 8;  // of so many one is measured where they don't
constexpr double kWide = 0.75;        // of the column's range, from which on a zone tells nothing

RowRange next_block(int64_t begin, int64_t stop) noexcept {
  return {begin, std::min(stop, begin - begin % kBlockRows + kBlockRows)};
}

}  // namespace

ZonePruner::ZonePruner(Source& source, const Condition& condition) {
  for (const Program& conjunct : condition.conjuncts) {
    // What stands behind a condition that may fail must not keep it from failing.
    if (conjunct.may_fail()) break;
    Prunable& prunable = conjuncts_.emplace_back();
    if (!conjunct.zones()) continue;
    prunable.zones.resize(conjunct.inputs().columns.size());
    for (size_t i = 0; i < prunable.zones.size(); ++i)
      prunable.usefulness.push_back(std::make_unique<Usefulness>());
    bool kept = conjunct.zones()->columns().empty();
    for (const size_t column : conjunct.zones()->columns()) {
      prunable.zones[column] = source.zones(conjunct.inputs().columns[column].name);
      kept = kept || prunable.zones[column].column != nullptr;
    }
    if (kept) prunable.condition = &*conjunct.zones();
    active_ = active_ || kept;
  }
}

bool ZonePruner::Usefulness::is_worth_measuring(int64_t start) const {
  const std::lock_guard lock(mutex_);
  if (measured_ < kTrialZones || telling_ * kTellingShare >= measured_) return true;
  return start / kBlockRows % kSampledZones == 0;
}

void ZonePruner::Usefulness::add(const Zone& zone) {
  const std::lock_guard lock(mutex_);
  ++measured_;
  if (!zone.has_values) {
    ++telling_;
    return;
  }
  const auto value = [](const Number& number) {
    return std::visit([](auto x) { return static_cast<double>(x); }, number);
  };
  const double low = value(zone.low);
  const double high = value(zone.high);
  high_ = low_ ? std::max(high_, high) : high;
  low_ = low_ ? std::min(*low_, low) : low;
  const bool has_gaps = (zone.members & (zone.members + 1)) != 0 && zone.members != members_;
  members_ = zone.members;
  const bool is_narrow = !(high - low >= kWide * (high_ - *low_));
  if (has_gaps || is_narrow || low == high) ++telling_;
}

bool ZonePruner::judge(RowBlock& block) const {
  for (size_t j = 0; j < conjuncts_.size(); ++j) {
    if (conjuncts_[j].condition == nullptr) continue;
    const Verdict verdict =
        conjuncts_[j].condition->judge(conjuncts_[j].zones, block.rows.start, block.rows.stop);
    if (verdict == Verdict::kNone) return false;
    if (verdict == Verdict::kAll && j < 64) block.decided |= uint64_t{1} << j;
  }
  return true;
}

std::vector<RowBlock> ZonePruner::may_pass(RowRange rows) {
  if (!active_) return {{rows, 0}};
  std::vector<RowBlock> blocks;
  for (int64_t begin = rows.start; begin < rows.stop;) {
    RowBlock block{next_block(begin, rows.stop), 0};
    begin = block.rows.stop;
    if (judge(block)) {
      blocks.push_back(block);
    } else {
      ++statistics_.skipped;
    }
  }
  return blocks;
}

int64_t ZonePruner::skip(RowRange rows) {
  int64_t begin = rows.start;
  while (active_ && begin < rows.stop) {
    RowBlock block{next_block(begin, rows.stop), 0};
    if (judge(block)) break;
    ++statistics_.skipped;
    begin = block.rows.stop;
  }
  return begin;
}

bool ZonePruner::has_some(RowRange rows) const {
  for (int64_t begin = rows.start; active_ && begin < rows.stop;) {
    RowBlock block{next_block(begin, rows.stop), 0};
    if (judge(block)) return true;
    begin = block.rows.stop;
  }
  return !active_ && rows.start < rows.stop;
}

void ZonePruner::measure(size_t conjunct, const Segment& segment, int64_t first, RowRange rows) const {
  if (conjunct >= conjuncts_.size() || conjuncts_[conjunct].condition == nullptr) return;
  for (const size_t column : conjuncts_[conjunct].condition->columns()) {
    const ZoneView& zones = conjuncts_[conjunct].zones[column];
    if (zones.column == nullptr || !has_zones(segment.columns[column])) continue;
    const int64_t start = rows.start + zones.offset;
    if (zones.column->covers(start, rows.stop + zones.offset)) continue;
    Usefulness& usefulness = *conjuncts_[conjunct].usefulness[column];
    if (!usefulness.is_worth_measuring(start)) continue;
    const Zone zone = measure_zone(segment.columns[column], rows.start - first, rows.stop - first, start);
    usefulness.add(zone);
    zones.column->add(zone);
  }
}

}  // namespace tql_engine
