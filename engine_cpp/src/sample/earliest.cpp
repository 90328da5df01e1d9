// Sorting by distribution: a histogram of the times says which of them are wanted at all, and deals these out
// to buckets that fit the cache; within a bucket the same again, so that hardly anything is left to compare.
#include "earliest.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

namespace tql_engine {
namespace {

constexpr size_t kCells = size_t{1} << 14;
constexpr size_t kMostBuckets = size_t{1} << 10;
constexpr int64_t kBucketArrivals = 1024;  // at least, if there are so many

/// Intervals of equal length that times are counted by.
class Cells {
 public:
  Cells() = default;
  /// `count`: a power of two.
  Cells(TimeKey first, TimeKey last, size_t count) noexcept : first_(first) {
    const auto range = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
    shift_ = std::max(0, static_cast<int>(std::bit_width(range)) - std::countr_zero(count));
  }

  size_t operator()(const Arrival& arrival) const noexcept {
    return static_cast<size_t>((static_cast<uint64_t>(arrival.time) - static_cast<uint64_t>(first_)) >>
                               shift_);
  }

 private:
  TimeKey first_ = 0;
  int shift_ = 0;
};

/// Sorts arrivals whose times lie close together. Not for two threads at once.
class BucketSort {
 public:
  void operator()(std::span<Arrival> arrivals) {
    constexpr size_t kFew = 24;
    if (arrivals.size() <= kFew) {
      std::sort(arrivals.begin(), arrivals.end());
      return;
    }
    const auto [first, last] = std::minmax_element(
        arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) { return a.time < b.time; });
    const size_t count = std::bit_ceil(arrivals.size());
    const Cells cell(first->time, last->time, count);
    ends_.assign(count + 1, 0);
    for (const Arrival& arrival : arrivals) ++ends_[cell(arrival) + 1];
    std::partial_sum(ends_.begin(), ends_.end(), ends_.begin());
    dealt_.resize(arrivals.size());
    for (const Arrival& arrival : arrivals) dealt_[ends_[cell(arrival)]++] = arrival;
    size_t begin = 0;
    for (size_t i = 0; i < count; begin = ends_[i++]) {
      const size_t size = ends_[i] - begin;
      if (size > 1)
        std::sort(dealt_.begin() + static_cast<ptrdiff_t>(begin),
                  dealt_.begin() + static_cast<ptrdiff_t>(ends_[i]));
    }
    std::copy(dealt_.begin(), dealt_.end(), arrivals.begin());
  }

 private:
  std::vector<uint32_t> ends_;
  std::vector<Arrival> dealt_;
};

/// The blocks of all lists, dealt out to parts that threads work on.
class Parts {
 public:
  Parts(std::span<const ArrivalList> lists, int threads) {
    for (const ArrivalList& list : lists) {
      for (size_t i = 0; i < list.blocks(); ++i) blocks_.push_back(list.block(i));
    }
    constexpr size_t kPerThread = 4;
    const size_t most = kPerThread * static_cast<size_t>(threads);
    per_part_ = std::max<size_t>(1, (blocks_.size() + most - 1) / most);
  }

  size_t count() const noexcept { return (blocks_.size() + per_part_ - 1) / per_part_; }

  /// Calls visit(part)(arrival) for each arrival.
  template <class MakeVisit>
  void for_each(InterruptiblePool& pool, const MakeVisit& make_visit) const {
    pool.parallel_for(static_cast<int64_t>(blocks_.size()), static_cast<int64_t>(per_part_),
                      [&](int64_t begin, int64_t end, int) {
                        const auto visit = make_visit(static_cast<size_t>(begin) / per_part_);
                        for (int64_t i = begin; i < end; ++i) {
                          for (const Arrival& arrival : blocks_[static_cast<size_t>(i)]) visit(arrival);
                        }
                      });
  }

 private:
  std::vector<std::span<const Arrival>> blocks_;
  size_t per_part_ = 1;
};

struct Times {
  TimeKey first = std::numeric_limits<TimeKey>::max();
  TimeKey last = std::numeric_limits<TimeKey>::min();

  void add(TimeKey time) noexcept {
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

Times all_times(const Parts& parts, InterruptiblePool& pool) {
  std::vector<Times> of_parts(parts.count());
  parts.for_each(pool, [&](size_t part) {
    return [&times = of_parts[part]](const Arrival& arrival) { times.add(arrival.time); };
  });
  Times all;
  for (const Times& times : of_parts) {
    all.add(times.first);
    all.add(times.last);
  }
  return all;
}

/// Which bucket each cell's arrivals go to. Those of the cells that are not wanted go to none.
struct Buckets {
  static constexpr uint16_t kNone = 0xFFFF;

  std::vector<uint16_t> of_cell;
  std::vector<int64_t> starts;  // of each bucket among the wanted arrivals, and the end

  Buckets(std::span<const int64_t> counts, int64_t wanted) : of_cell(counts.size(), kNone), starts{0} {
    const int64_t size = std::max(kBucketArrivals, wanted / static_cast<int64_t>(kMostBuckets) + 1);
    int64_t taken = 0;
    for (size_t cell = 0; cell < counts.size() && taken < wanted; ++cell) {
      of_cell[cell] = static_cast<uint16_t>(starts.size() - 1);
      taken += counts[cell];
      if (taken - starts.back() >= size) starts.push_back(taken);
    }
    if (starts.back() < taken) starts.push_back(taken);
  }

  size_t count() const noexcept { return starts.size() - 1; }
};

}  // namespace

HeapArray<int64_t> earliest_rows(std::span<const ArrivalList> lists, int64_t wanted,
                                 InterruptiblePool& pool) {
  int64_t total = 0;
  for (const ArrivalList& list : lists) total += list.size();
  wanted = std::min(wanted, total);
  if (wanted == 0) return {};
  const Parts parts(lists, pool.threads());
  const Times times = all_times(parts, pool);
  const Cells cell(times.first, times.last, kCells);

  std::vector<std::vector<int64_t>> counts(parts.count(), std::vector<int64_t>(kCells));
  parts.for_each(pool, [&](size_t part) {
    return [&cell, of_cell = counts[part].data()](const Arrival& arrival) { ++of_cell[cell(arrival)]; };
  });
  std::vector<int64_t> of_cells(kCells);
  for (const auto& of_part : counts)
    std::transform(of_part.begin(), of_part.end(), of_cells.begin(), of_cells.begin(), std::plus<>());
  const Buckets buckets(of_cells, wanted);

  // Where each part puts its arrivals of each bucket.
  std::vector<std::vector<int64_t>> next(parts.count(), std::vector<int64_t>(buckets.count()));
  for (size_t part = 0; part < parts.count(); ++part) {
    for (size_t i = 0; i < kCells && buckets.of_cell[i] != Buckets::kNone; ++i)
      next[part][buckets.of_cell[i]] += counts[part][i];
  }
  for (size_t bucket = 0; bucket < buckets.count(); ++bucket) {
    int64_t at = buckets.starts[bucket];
    for (auto& of_part : next) at += std::exchange(of_part[bucket], at);
  }
  HeapArray<Arrival> dealt(static_cast<size_t>(buckets.starts.back()));
  parts.for_each(pool, [&](size_t part) {
    return [&, to = dealt.values().data(), at = next[part].data()](const Arrival& arrival) {
      const uint16_t bucket = buckets.of_cell[cell(arrival)];
      if (bucket != Buckets::kNone) to[at[bucket]++] = arrival;
    };
  });

  HeapArray<int64_t> rows(static_cast<size_t>(wanted));
  std::vector<BucketSort> sorts(static_cast<size_t>(pool.threads()));
  pool.parallel_for(static_cast<int64_t>(buckets.count()), 1, [&](int64_t begin, int64_t end, int worker) {
    for (auto bucket = static_cast<size_t>(begin); bucket < static_cast<size_t>(end); ++bucket) {
      const auto first = static_cast<size_t>(buckets.starts[bucket]);
      const auto stop = static_cast<size_t>(buckets.starts[bucket + 1]);
      const std::span<Arrival> arrivals = dealt.values().subspan(first, stop - first);
      sorts[static_cast<size_t>(worker)](arrivals);
      for (size_t i = first; i < std::min(stop, static_cast<size_t>(wanted)); ++i)
        rows.values()[i] = arrivals[i - first].row;
    }
  });
  return rows;
}

}  // namespace tql_engine
