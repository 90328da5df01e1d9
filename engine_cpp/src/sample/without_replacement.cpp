// Weighted draws without replacement: every row arrives at a random time, and the first ones are drawn. A
// time by which enough rows have arrived is worked out beforehand, so that most rows are dropped by a look at
// 16 random bits. It only spares work: where it turns out too early, a later one is tried.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "arrival.h"
#include "arrival_filter.h"
#include "draw_domains.h"
#include "earliest.h"
#include "tql_engine/random.h"
#include "tql_engine/sampling.h"
#include "tql_engine/status.h"
#include "weights.h"

namespace tql_engine {
namespace {

constexpr int kPrefixBits = 16;
constexpr int64_t kPrefixesPerWord = 4;
constexpr int64_t kChunk = 4096;
constexpr int64_t kWordBits = 64;
constexpr double kNever = std::numeric_limits<double>::infinity();

/// A time at which a few more than `wanted` rows have likely arrived, going by some of the rows.
double likely_time(std::span<const double> weights, int64_t wanted) {
  constexpr size_t kSampled = 1 << 14;
  constexpr int kSteps = 50;
  const size_t step = std::max<size_t>(1, weights.size() / kSampled) | 1;  // odd: rows may come in pairs
  std::vector<double> sampled;                                             // without those of weight 0
  size_t looked_at = 0;
  for (size_t row = step / 2; row < weights.size(); row += step, ++looked_at) {
    if (weights[row] > 0) sampled.push_back(weights[row]);
  }
  const auto rows = static_cast<double>(wanted);
  const double some_more = 1.02 * rows + 6 * std::sqrt(rows) + 64;
  const double share = some_more / static_cast<double>(weights.size()) * static_cast<double>(looked_at);
  if (share > 0.9 * static_cast<double>(sampled.size())) return kNever;
  // Arrivals only grow with time: halve the interval of its logarithm.
  const auto [smallest, largest] = std::minmax_element(sampled.begin(), sampled.end());
  double low = -std::log(*largest) - 40;
  double high = -std::log(*smallest) + 4;
  for (int i = 0; i < kSteps; ++i) {
    const double middle = low + (high - low) / 2;
    const double time = std::exp(middle);
    double arrived = 0;
    for (const double weight : sampled) arrived -= std::expm1(-weight * time);
    (arrived < share ? low : high) = middle;
  }
  const double time = std::exp(high);
  return time < std::numeric_limits<double>::min() ? kNever : time;
}

/// Finds arrivals among rows, chunk by chunk. One per thread.
class Watch {
 public:
  Watch(std::span<const double> weights, RandomKey key, ArrivalList& arrivals)
      : weights_(weights),
        arrivals_(arrivals),
        prefix_(key.seed, key.stream, kPrefixDomain),
        rest_(key.seed, key.stream, kRestDomain) {}

  /// Rows [begin, begin + kChunk) and those of them that arrive by `time`. `begin` is a multiple of kChunk.
  void run(int64_t begin, double time) {
    static const EarlyRows test = early_rows();
    const auto rows = std::min<int64_t>(kChunk, static_cast<int64_t>(weights_.size()) - begin);
    const double* const weights = weights_.data() + begin;
    prefix_.fill_bits(static_cast<uint64_t>(begin / kPrefixesPerWord), prefix_words_);
    static_assert(sizeof(prefixes_) == sizeof(prefix_words_) && std::endian::native == std::endian::little);
    std::memcpy(prefixes_.data(), prefix_words_.data(), sizeof(prefixes_));
    if (time < kNever) {
      test(prefixes_.data(), weights, rows, time, early_.data());
    } else {
      for (int64_t i = 0; i < rows; i += kWordBits) {
        uint64_t word = 0;
        for (int64_t bit = 0; bit < std::min(kWordBits, rows - i); ++bit)
          word |= uint64_t{weights[i + bit] > 0} << bit;
        early_[static_cast<size_t>(i / kWordBits)] = word;
      }
    }
    size_t count = 0;
    for (int64_t i = 0; i < rows; i += kWordBits) {
      for (uint64_t word = early_[static_cast<size_t>(i / kWordBits)]; word != 0; word &= word - 1)
        rows_[count++] = static_cast<uint64_t>(begin + i + std::countr_zero(word));
    }
    rest_.first_words(std::span(rows_).first(count), std::span(rests_).first(count));
    const TimeKey last = time < kNever ? key_of_time(time) : std::numeric_limits<TimeKey>::max();
    for (size_t i = 0; i < count; ++i) {
      const auto row = static_cast<int64_t>(rows_[i]);
      const double weight = weights_[static_cast<size_t>(row)];
      if (weight > std::numeric_limits<double>::max()) {
        infinite_ = infinite_ < 0 ? row : std::min(infinite_, row);
        continue;
      }
      const auto prefix = uint64_t{prefixes_[static_cast<size_t>(row - begin)]};
      const uint64_t bits = prefix << (64 - kPrefixBits) | rests_[i] >> kPrefixBits;
      const Arrival arrival{arrival_time(bits, weight), row};
      if (arrival.time <= last) arrivals_.add(arrival);
    }
  }

  /// The first row of infinite weight, -1 if there was none.
  int64_t infinite() const noexcept { return infinite_; }

 private:
  std::span<const double> weights_;
  ArrivalList& arrivals_;
  RandomStream prefix_;
  RandomStream rest_;
  int64_t infinite_ = -1;
  std::array<uint64_t, kChunk / kPrefixesPerWord> prefix_words_;
  std::array<uint16_t, kChunk> prefixes_;
  std::array<uint64_t, kChunk / kWordBits> early_;
  std::array<uint64_t, kChunk> rows_;
  std::array<uint64_t, kChunk> rests_;
};

/// The arrivals by `time`, in no order.
std::vector<ArrivalList> arrivals_by(double time, std::span<const double> weights, RandomKey key,
                                     InterruptiblePool& pool) {
  std::vector<ArrivalList> lists(static_cast<size_t>(pool.threads()));
  std::vector<Watch> watches;
  for (ArrivalList& list : lists) watches.emplace_back(weights, key, list);
  pool.parallel_for(static_cast<int64_t>(weights.size()), kWeightMorsel,
                    [&](int64_t begin, int64_t end, int worker) {
                      for (int64_t chunk = begin; chunk < end; chunk += kChunk)
                        watches[static_cast<size_t>(worker)].run(chunk, time);
                    });
  int64_t infinite = -1;
  for (const Watch& watch : watches) {
    if (watch.infinite() >= 0 && (infinite < 0 || watch.infinite() < infinite)) infinite = watch.infinite();
  }
  if (infinite >= 0) throw EngineError(Code::kValue, "a weight is infinite", infinite);
  return lists;
}

}  // namespace

HeapArray<int64_t> sample_without_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                              InterruptiblePool pool) {
  const int64_t wanted = std::min(size, static_cast<int64_t>(weights.size()));
  if (wanted <= 0) {
    check_weights(weights, size, pool);
    return {};
  }
  constexpr int kTimes = 2;  // that are tried before all rows are ordered
  constexpr double kLater = 16;
  double time = likely_time(weights, wanted);
  for (int tried = 1;; ++tried) {
    const std::vector<ArrivalList> lists = arrivals_by(time, weights, key, pool);
    int64_t arrived = 0;
    for (const ArrivalList& list : lists) arrived += list.size();
    if (arrived >= wanted || time == kNever) {
      if (arrived == 0) throw EngineError(Code::kValue, "every weight is 0");
      return earliest_rows(lists, wanted, pool);
    }
    time = tried < kTimes ? time * kLater : kNever;
  }
}

}  // namespace tql_engine
