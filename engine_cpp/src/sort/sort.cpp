#include "tql_engine/sort.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "encoded_key.h"
#include "top_k.h"
#include "tql_engine/parallel_sort.h"
#include "tql_engine/partition.h"
#include "tql_engine/status.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

constexpr int64_t kMorsel = 1 << 14;
constexpr int64_t kTopKMorsel = 1 << 16;  // that costs little but reading

/// Stable sort of entries by the low `bits` bits of their codes.
void radix_sort(ThreadPool& pool, std::vector<Entry>& entries, int bits) {
  constexpr int kDigit = 11;
  std::vector<Entry> sorted(entries.size());
  for (int shift = 0; shift < bits; shift += kDigit) {
    const int digit = std::min(kDigit, bits - shift);
    const uint64_t mask = (uint64_t{1} << digit) - 1;
    const Entry* source = entries.data();
    partition_stable(
        pool, static_cast<int64_t>(entries.size()), int64_t{1} << digit,
        [source, shift, mask](int64_t i) { return source[i].code >> shift & mask; },
        [source, target = sorted.data()](int64_t i, int64_t position) { target[position] = source[i]; });
    entries.swap(sorted);
  }
}

/// The codes of a column's values, without those of NaN and NULL. Empty where high < low.
struct CodeRange {
  uint64_t low = kNullCode;
  uint64_t high = 0;
};

std::vector<Entry> encode_all(const EncodedKey& key, int64_t rows, CodeRange& range, ThreadPool& pool,
                              const Cancellation* cancellation) {
  std::vector<Entry> entries(static_cast<size_t>(rows));
  std::vector<CodeRange> ranges(static_cast<size_t>(pool.threads()));
  pool.parallel_for(
      rows, kMorsel,
      [&](int64_t begin, int64_t end, int worker) {
        uint64_t codes[kMorsel];
        key.encode(begin, end, codes);
        CodeRange seen = ranges[static_cast<size_t>(worker)];
        for (int64_t row = begin; row < end; ++row) {
          const uint64_t code = codes[row - begin];
          entries[static_cast<size_t>(row)] = {code, row};
          if (code < kNanCode) seen = {std::min(seen.low, code), std::max(seen.high, code)};
        }
        ranges[static_cast<size_t>(worker)] = seen;
      },
      cancellation);
  for (const CodeRange& part : ranges)
    range = {std::min(range.low, part.low), std::max(range.high, part.high)};
  return entries;
}

std::vector<Entry> sort_all(const std::vector<EncodedKey>& keys, int64_t rows, ThreadPool& pool,
                            const Cancellation* cancellation) {
  constexpr int kRadixBits = 33;  // three passes; beyond that a comparison sort is as fast
  constexpr int64_t kRadixRows = 1 << 12;
  CodeRange range;
  std::vector<Entry> entries = encode_all(keys[0], rows, range, pool, cancellation);
  // NaN and NULL move next to the values, so that they cost no passes over empty digits.
  const uint64_t last = range.high < range.low ? 2 : range.high - range.low + 2;
  const int bits = std::bit_width(last);
  if (keys.size() > 1 || !keys[0].exact() || rows < kRadixRows || bits > kRadixBits) {
    parallel_sort(pool, entries, EntryLess(keys));
    return entries;
  }
  pool.parallel_for(rows, kMorsel, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      uint64_t& code = entries[static_cast<size_t>(i)].code;
      code = code == kNullCode ? last : code == kNanCode ? last - 1 : code - range.low;
    }
  });
  radix_sort(pool, entries, bits);
  return entries;
}

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
  const std::vector<Entry> entries = wanted < rows ? top_k(encoded, rows, wanted, pool, cancellation)
                                                   : sort_all(encoded, rows, pool, cancellation);
  pool.parallel_for(wanted, kMorsel, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      positions[i] = entries[i].row;
  });
  return positions;
}

}  // namespace tql_engine
