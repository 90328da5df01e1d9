#include "zone_pruner.h"

#include <algorithm>

namespace tql_engine {
namespace {

constexpr int64_t kBlockRows = ZoneColumn::kZoneRows;

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
    bool kept = conjunct.zones()->columns().empty();
    for (const size_t column : conjunct.zones()->columns()) {
      prunable.zones[column] = source.zones(conjunct.inputs().columns[column].name);
      kept = kept || prunable.zones[column].column != nullptr;
    }
    if (kept) prunable.condition = &*conjunct.zones();
    active_ = active_ || kept;
  }
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

void ZonePruner::measure(size_t conjunct, const Segment& segment, int64_t first, RowRange rows) const {
  if (conjunct >= conjuncts_.size() || conjuncts_[conjunct].condition == nullptr) return;
  for (const size_t column : conjuncts_[conjunct].condition->columns()) {
    const ZoneView& zones = conjuncts_[conjunct].zones[column];
    if (zones.column == nullptr || !has_zones(segment.columns[column])) continue;
    const int64_t start = rows.start + zones.offset;
    if (zones.column->covers(start, rows.stop + zones.offset)) continue;
    zones.column->add(measure_zone(segment.columns[column], rows.start - first, rows.stop - first, start));
  }
}

}  // namespace tql_engine
