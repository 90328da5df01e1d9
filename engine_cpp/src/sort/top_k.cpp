#include "top_k.h"

#include <algorithm>
#include <cmath>

namespace tql_engine {

TopK::TopK(Element element, bool descending, const EntryLess& less, int64_t k, int threads)
    : encoder_(element),
      descending_(descending),
      less_(less),
      workers_(static_cast<size_t>(threads), Worker{{k, less}, {element, descending}}) {}

void TopK::lower_bound_to(const Entry& bound) {
  const std::lock_guard lock(mutex_);
  if (bound_ && !less_(bound, *bound_)) return;
  bound_ = bound;
  bound_code_.store(bound.code, std::memory_order_relaxed);
}

/// The worker's bound as a limit for rows from `row` on: where nothing but the row number decides between
/// equal codes, those behind the bound are out.
void TopK::follow_bound(Worker& mine, int64_t row) {
  const Entry* bound = mine.smallest.bound();
  if (bound != nullptr) mine.finder.set_limit(bound->code, less_.looks_at_rows() || bound->row > row);
}

void TopK::share_bound(Worker& mine, int64_t row) {
  const Entry* own = mine.smallest.bound();
  const uint64_t shared = bound_code_.load(std::memory_order_relaxed);
  if (own != nullptr && own->code < shared) {
    lower_bound_to(*own);
  } else if (own == nullptr || own->code > shared) {
    const std::lock_guard lock(mutex_);
    if (bound_) mine.smallest.lower_bound_to(*bound_);
  }
  follow_bound(mine, row);
}

void TopK::add(const Column& column, int64_t begin, int64_t end, int64_t first, int worker) {
  Worker& mine = workers_[static_cast<size_t>(worker)];
  share_bound(mine, first + begin);
  uint16_t rows[kCandidateRows];
  uint64_t codes[kCandidateRows];
  while (true) {
    const CandidateFinder::Block block = mine.finder.next(column.raw_values(), begin, end, rows);
    if (block.found == 0) return;
    encoder_.picked(column, descending_, block.begin, rows, block.found, codes);
    const int64_t base = first + block.begin;
    bool lowered = false;
    for (int64_t i = 0; i < block.found; ++i) lowered |= mine.smallest.add({codes[i], base + rows[i]});
    if (lowered) follow_bound(mine, base);
    begin = block.begin + kCandidateRows;
  }
}

std::vector<Entry> TopK::finish(ThreadPool& pool) {
  std::vector<Smallest<Entry, EntryLess>> parts;
  for (Worker& worker : workers_) parts.push_back(std::move(worker.smallest));
  std::vector<Entry> entries = Smallest<Entry, EntryLess>::gather(parts);
  sort_entries(pool, entries, less_);
  return entries;
}

KeySample::KeySample(const EncodedKey& key, const EntryLess& less, int64_t rows) : less_(less), rows_(rows) {
  if (rows < kFraction * kSample) return;
  entries_.reserve(kSample);
  uint64_t codes[kBlock];
  for (int64_t block = 0; block < kSample / kBlock; ++block) {
    const int64_t begin = (rows - kBlock) / (kSample / kBlock - 1) * block;
    key.encode(begin, begin + kBlock, codes);
    for (int64_t i = 0; i < kBlock; ++i) entries_.push_back({codes[i], begin + i});
  }
}

std::optional<Entry> KeySample::bound(int64_t k, int64_t caution) {
  constexpr double kDeviations = 4;
  const double expected = static_cast<double>(k) * kSample / static_cast<double>(rows_);
  // The number of sampled rows before the k-th is close to Poisson distributed, if their order is random.
  const double likely = expected + kDeviations * std::sqrt(expected) + 8;
  const int64_t rank = k <= kSureRank ? k : std::min(k, static_cast<int64_t>(likely) * caution);
  if (rank >= static_cast<int64_t>(entries_.size())) return std::nullopt;
  const auto found = entries_.begin() + rank;
  std::nth_element(entries_.begin(), found, entries_.end(), less_);
  return *found;
}

}  // namespace tql_engine
