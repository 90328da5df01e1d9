// Throw every value into one of many buckets with equal chances, shuffle each bucket within the cache, read
// the buckets one after the other. Uniform over all orders: Rao, "Generation of random permutation of given
// number of elements using random sampling numbers", Sankhya A 23, 1961; Sandelius, "A simple randomization
// procedure", JRSS B 24, 1962.
#include "shuffle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "below.h"
#include "tql_engine/random.h"

namespace tql_engine {
namespace {

constexpr uint64_t kItemsPerBucket = 1 << 14;
constexpr uint64_t kMaxBuckets = 1 << 11;
constexpr int64_t kMorsel = 1 << 16;
constexpr size_t kChunk = 2048;         // values that are made at once
constexpr int64_t kChoicesPerWord = 4;  // bucket numbers of 16 random bits in one word
constexpr size_t kHalvesPerWord = 2;

/// The buckets of values begin, begin + 1, ..., where `begin` is a multiple of kChunk.
class Choices {
 public:
  Choices(const RandomStream& random, int shift) noexcept : random_(random), shift_(shift) {}

  std::span<const uint16_t> of(int64_t begin, size_t count) noexcept {
    random_.fill_bits(static_cast<uint64_t>(begin / kChoicesPerWord), words_);
    for (size_t i = 0; i < words_.size(); ++i) {
      for (size_t part = 0; part < kChoicesPerWord; ++part) {
        buckets_[i * kChoicesPerWord + part] =
            static_cast<uint16_t>((words_[i] >> (part * 16) & 0xFFFF) >> shift_);
      }
    }
    return std::span(buckets_).first(count);
  }

 private:
  const RandomStream& random_;
  int shift_;
  std::array<uint64_t, kChunk / kChoicesPerWord> words_;
  std::array<uint16_t, kChunk> buckets_;
};

/// Fisher and Yates. `first` is the position of the items among all.
template <class Value>
void shuffle_bucket(std::span<Value> items, int64_t first, const RandomStream& random,
                    const RandomStream& spare) noexcept {
  std::array<uint64_t, 256> words;
  for (size_t left = items.size(); left > 1;) {
    const size_t steps = std::min(left - 1, words.size() * kHalvesPerWord);
    // The words of a bucket lie apart from those of all others: 2 items have more than the one they need.
    random.fill_bits(static_cast<uint64_t>(first) + (items.size() - left) / kHalvesPerWord,
                     std::span(words).first((steps + 1) / kHalvesPerWord));
    for (size_t step = 0; step < steps; ++step, --left) {
      const auto bits = static_cast<uint32_t>(words[step / kHalvesPerWord] >> (step % kHalvesPerWord * 32));
      std::swap(items[left - 1], items[below(left, bits, spare, static_cast<uint64_t>(first) + left - 1)]);
    }
  }
}

}  // namespace

template <class Value, class Result>
HeapArray<Result> shuffled(int64_t n, RandomKey key, uint8_t domain, InterruptiblePool& pool,
                           const std::function<Producer<Value>()>& make_producer) {
  HeapArray<Result> order(static_cast<size_t>(n));
  if (n == 0) return order;
  // A power of two, so that bits of a random word choose among them without bias.
  const uint64_t buckets =
      std::bit_ceil(std::clamp<uint64_t>(static_cast<uint64_t>(n) / kItemsPerBucket, 1, kMaxBuckets));
  const int shift = 16 - std::countr_zero(buckets);
  const RandomStream chooser(key.seed, key.stream, domain);

  // A part counts its values by bucket, so that it knows where to put them without asking the others.
  const int64_t part = std::max<int64_t>(kMorsel, (n / (4 * pool.threads()) + kMorsel) / kMorsel * kMorsel);
  const auto parts = static_cast<size_t>((n - 1) / part + 1);
  std::vector<int64_t> positions(parts * buckets);
  const auto for_chunks = [&](const auto& make_visit) {
    pool.parallel_for(n, part, [&](int64_t begin, int64_t end, int) {
      const auto visit = make_visit();
      Choices choices(chooser, shift);
      int64_t* const of_part = positions.data() + static_cast<uint64_t>(begin / part) * buckets;
      for (int64_t at = begin; at < end; at += kChunk) {
        visit(at, choices.of(at, static_cast<size_t>(std::min<int64_t>(kChunk, end - at))), of_part);
      }
    });
  };
  for_chunks([] {
    return [](int64_t, std::span<const uint16_t> chosen, int64_t* counts) {
      for (const uint16_t bucket : chosen) ++counts[bucket];
    };
  });
  std::vector<int64_t> starts(buckets + 1);
  int64_t total = 0;
  for (size_t bucket = 0; bucket < buckets; ++bucket) {
    starts[bucket] = total;
    for (size_t p = 0; p < parts; ++p) total += std::exchange(positions[p * buckets + bucket], total);
  }
  starts.back() = total;

  HeapArray<Value> dealt(static_cast<size_t>(n));
  const std::span<Value> items = dealt.values();
  for_chunks([&] {
    return
        [&items, produce = make_producer()](int64_t begin, std::span<const uint16_t> chosen, int64_t* next) {
          std::array<Value, kChunk> values;
          produce(begin, std::span(values).first(chosen.size()));
          for (size_t i = 0; i < chosen.size(); ++i)
            items[static_cast<size_t>(next[chosen[i]]++)] = values[i];
        };
  });

  const RandomStream shuffler(key.seed, key.stream, static_cast<uint8_t>(domain + 1));
  const RandomStream spare(key.seed, key.stream, static_cast<uint8_t>(domain + 2));
  pool.parallel_for(static_cast<int64_t>(buckets), 1, [&](int64_t begin, int64_t end, int) {
    for (auto bucket = static_cast<size_t>(begin); bucket < static_cast<size_t>(end); ++bucket) {
      const std::span<Value> mine = items.subspan(static_cast<size_t>(starts[bucket]),
                                                  static_cast<size_t>(starts[bucket + 1] - starts[bucket]));
      shuffle_bucket(mine, starts[bucket], shuffler, spare);
      std::copy(mine.begin(), mine.end(), order.values().begin() + starts[bucket]);
    }
  });
  return order;
}

template HeapArray<int64_t> shuffled(int64_t, RandomKey, uint8_t, InterruptiblePool&,
                                     const std::function<Producer<uint32_t>()>&);
template HeapArray<int64_t> shuffled(int64_t, RandomKey, uint8_t, InterruptiblePool&,
                                     const std::function<Producer<int64_t>()>&);
template HeapArray<double> shuffled(int64_t, RandomKey, uint8_t, InterruptiblePool&,
                                    const std::function<Producer<double>()>&);

}  // namespace tql_engine
