#include "full_sort.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "packed_keys.h"
#include "tql_engine/memory_budget.h"
#include "tql_engine/parallel_sort.h"
#include "tql_engine/partition.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

/// Two buffers of the memory budget to sort between; what they hold at first is not defined.
template <class T>
struct Buffers {
  explicit Buffers(int64_t count)
      : reservation(2 * count * static_cast<int64_t>(sizeof(T))),
        from(std::make_unique_for_overwrite<T[]>(static_cast<size_t>(count))),
        to(std::make_unique_for_overwrite<T[]>(static_cast<size_t>(count))) {}

  Reservation reservation;
  std::unique_ptr<T[]> from;
  std::unique_ptr<T[]> to;
};

constexpr int kDigit = 11;  // 2048 buckets that are written to at once stay within a second-level cache
constexpr int64_t kRadixRows = 1 << 12;  // fewer rows are sorted sooner than their digits are counted

/// Codes and positions in one word each: least significant digit first over the bits of the codes.
void sort_words(const PackedKeys& keys, int row_bits, std::span<int64_t> positions, ThreadPool& pool,
                const Cancellation* cancellation) {
  const auto rows = static_cast<int64_t>(positions.size());
  Buffers<uint64_t> words(rows);
  pool.parallel_for(
      rows, PackedKeys::kMorsel,
      [&](int64_t begin, int64_t end, int) {
        uint64_t* const codes = words.from.get() + begin;
        keys.encode(begin, end, codes);
        for (int64_t i = 0; i < end - begin; ++i)
          codes[i] = codes[i] << row_bits | static_cast<uint64_t>(begin + i);
      },
      cancellation);
  const uint64_t row_mask = (uint64_t{1} << row_bits) - 1;
  if (rows < kRadixRows) {
    std::sort(words.from.get(), words.from.get() + rows);
    for (int64_t i = 0; i < rows; ++i)
      positions[static_cast<size_t>(i)] = static_cast<int64_t>(words.from[i] & row_mask);
    return;
  }
  const int passes = (keys.bits() + kDigit - 1) / kDigit;
  const int width = (keys.bits() + passes - 1) / passes;
  for (int pass = 0; pass < passes; ++pass) {
    const int shift = row_bits + pass * width;
    const int digit = std::min(width, keys.bits() - pass * width);
    const uint64_t mask = (uint64_t{1} << digit) - 1;
    const uint64_t* const source = words.from.get();
    const auto bucket = [source, shift, mask](int64_t i) { return source[i] >> shift & mask; };
    if (pass + 1 == passes) {
      partition_stable(pool, rows, int64_t{1} << digit, bucket,
                       [source, row_mask, target = positions.data()](int64_t i, int64_t position) {
                         target[position] = static_cast<int64_t>(source[i] & row_mask);
                       });
    } else {
      partition_stable(
          pool, rows, int64_t{1} << digit, bucket,
          [source, target = words.to.get()](int64_t i, int64_t position) { target[position] = source[i]; });
      std::swap(words.from, words.to);
    }
  }
}

/// Most significant digit first, then each bucket by comparisons, within the cache.
void sort_buckets(const PackedKeys& keys, const EntryLess& less, std::span<int64_t> positions,
                  ThreadPool& pool, const Cancellation* cancellation) {
  const auto rows = static_cast<int64_t>(positions.size());
  Buffers<Entry> entries(rows);
  pool.parallel_for(
      rows, PackedKeys::kMorsel,
      [&](int64_t begin, int64_t end, int) {
        uint64_t codes[PackedKeys::kMorsel];
        keys.encode(begin, end, codes);
        for (int64_t row = begin; row < end; ++row) entries.from[row] = {codes[row - begin], row};
      },
      cancellation);
  const int digit = std::min(rows < kRadixRows ? 0 : kDigit, keys.bits());
  const int64_t buckets = int64_t{1} << digit;
  const std::vector<int64_t> starts = partition_stable(
      pool, rows, buckets,
      [source = entries.from.get(), shift = keys.bits() - digit](int64_t i) {
        return shift == 64 ? 0 : source[i].code >> shift;
      },
      [source = entries.from.get(), target = entries.to.get()](int64_t i, int64_t position) {
        target[position] = source[i];
      });
  const std::span<Entry> sorted(entries.to.get(), positions.size());
  const std::span<Entry> spare(entries.from.get(), positions.size());
  const auto bucket_of = [&starts](std::span<Entry> all, int64_t bucket) {
    const auto begin = static_cast<size_t>(starts[static_cast<size_t>(bucket)]);
    const auto end = static_cast<size_t>(starts[static_cast<size_t>(bucket) + 1]);
    return all.subspan(begin, end - begin);
  };
  // A bucket that would keep one thread busy while the others have nothing left is sorted by all of them.
  const auto large = static_cast<size_t>(std::max<int64_t>(rows / (8 * pool.threads()), 1 << 15));
  for (int64_t bucket = 0; bucket < buckets; ++bucket) {
    const std::span<Entry> part = bucket_of(sorted, bucket);
    if (part.size() > large) parallel_sort(pool, part, bucket_of(spare, bucket), less);
  }
  pool.parallel_for(
      buckets, 1,
      [&](int64_t begin, int64_t, int) {
        const std::span<Entry> part = bucket_of(sorted, begin);
        if (part.size() <= large) std::sort(part.begin(), part.end(), less);
        int64_t* const target = positions.data() + (part.data() - sorted.data());
        for (size_t i = 0; i < part.size(); ++i) target[i] = part[i].row;
      },
      cancellation);
}

}  // namespace

void sort_all(const std::vector<EncodedKey>& keys, std::span<int64_t> positions, ThreadPool& pool,
              const Cancellation* cancellation) {
  const PackedKeys packed(keys, static_cast<int64_t>(positions.size()), pool, cancellation);
  const int row_bits = std::bit_width(positions.size() - 1);
  if (packed.complete() && packed.bits() + row_bits <= 64) {
    sort_words(packed, row_bits, positions, pool, cancellation);
  } else {
    sort_buckets(packed, packed.complete() ? EntryLess() : EntryLess(keys), positions, pool, cancellation);
  }
}

}  // namespace tql_engine
