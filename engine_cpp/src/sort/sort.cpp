#include "tql_engine/sort.h"

#include <algorithm>
#include <numeric>

#include "encoded_key.h"
#include "full_sort.h"
#include "top_k.h"
#include "tql_engine/parallel_sort.h"
#include "tql_engine/status.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

constexpr int64_t kMorsel = 1 << 14;
constexpr int64_t kTopKMorsel = 1 << 16;  // that costs little but reading

std::vector<Entry> first_entries(const std::vector<EncodedKey>& keys, int64_t rows, int64_t k,
                                 const std::optional<Entry>& bound, ThreadPool& pool,
                                 const Cancellation* cancellation) {
  const SortKey& first = keys.front().key();
  TopK top(first.column.element(), first.descending, EntryLess(keys), k, pool.threads());
  if (bound) top.lower_bound_to(*bound);
  pool.parallel_for(
      rows, kTopKMorsel,
      [&](int64_t begin, int64_t end, int worker) { top.add(first.column, begin, end, 0, worker); },
      cancellation);
  return top.finish(pool);
}

std::vector<Entry> top_k(const std::vector<EncodedKey>& keys, int64_t rows, int64_t k, ThreadPool& pool,
                         const Cancellation* cancellation) {
  KeySample sample(keys.front(), EntryLess(keys), rows);
  constexpr int64_t kMoreCaution = 16;
  for (int64_t caution = 1;; caution *= kMoreCaution) {
    const std::optional<Entry> bound = sample.bound(k, caution);
    std::vector<Entry> entries = first_entries(keys, rows, k, bound, pool, cancellation);
    if (!bound || static_cast<int64_t>(entries.size()) == k) return entries;
  }
}

}  // namespace

void sort_entries(ThreadPool& pool, std::vector<Entry>& entries, const EntryLess& less) {
  parallel_sort(pool, entries, less);
}

std::vector<int64_t> sort_positions(std::span<const SortKey> keys, int64_t rows, int64_t fetch,
                                    ThreadPool& pool, const Cancellation* cancellation) {
  const int64_t wanted = fetch < 0 ? rows : std::min(fetch, rows);
  std::vector<int64_t> positions(static_cast<size_t>(wanted));
  if (wanted == 0) return positions;
  if (keys.empty()) {
    std::iota(positions.begin(), positions.end(), 0);
    return positions;
  }
  std::vector<EncodedKey> encoded;
  for (const SortKey& key : keys) {
    const bool one_element =
        key.column.is_text() || (key.column.layout() == Layout::kDense && key.column.row_elements() == 1);
    if (!one_element || key.column.length() != rows) {
      throw EngineError(Code::kInternal, "a sort key must have one element for each row");
    }
    encoded.emplace_back(key);
  }
  if (wanted == rows) {
    sort_all(encoded, positions, pool, cancellation);
    return positions;
  }
  const std::vector<Entry> entries = top_k(encoded, rows, wanted, pool, cancellation);
  pool.parallel_for(wanted, kMorsel, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      positions[i] = entries[i].row;
  });
  return positions;
}

}  // namespace tql_engine
