// Every key becomes a 64-bit code whose unsigned order is the order of the key. Most comparisons end there;
// only codes that say too little (text beyond 8 bytes, NULL beside a full 64-bit range) look at the values
// again.
#include "tql_engine/sort.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>

#include "outrank.h"
#include "tql_engine/parallel_sort.h"
#include "tql_engine/partition.h"
#include "tql_engine/smallest.h"
#include "tql_engine/status.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

constexpr int64_t kMorsel = 1 << 14;
constexpr uint64_t kSign = uint64_t{1} << 63;
constexpr uint64_t kNullCode = ~uint64_t{0};
constexpr uint64_t kNanCode = kNullCode - 1;

uint64_t code_of(double value) noexcept {
  const auto bits = std::bit_cast<uint64_t>(value + 0.0);  // -0.0 + 0.0 is 0.0: the two zeros are equal
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

uint64_t code_of(std::string_view text) noexcept {
  uint64_t code = 0;
  const size_t bytes = std::min<size_t>(text.size(), 8);
  for (size_t i = 0; i < bytes; ++i) code |= uint64_t{static_cast<uint8_t>(text[i])} << (56 - 8 * i);
  return code;
}

// Signed and narrow unsigned integers; none of the narrow ones comes near the codes of NaN and NULL.
uint64_t code_of(int64_t value) noexcept { return static_cast<uint64_t>(value) ^ kSign; }

template <Element E>
uint64_t value_code(const Column& column, int64_t row, bool& nan) noexcept {
  if constexpr (E == Element::kText) {
    return code_of(column.text_at(row));
  } else if constexpr (E == Element::kUint64) {
    return column.values<uint64_t>()[row];
  } else if constexpr (is_float(E)) {
    double value;
    if constexpr (E == Element::kFloat16) {
      value = half_to_float(column.values<Half>()[row]);
    } else {
      value = column.values<Storage<E>>()[row];
    }
    nan = std::isnan(value);
    return code_of(value);
  } else {
    return code_of(static_cast<int64_t>(column.values<Storage<E>>()[row]));
  }
}

template <Element E>
void encode(const SortKey& key, int64_t begin, int64_t end, uint64_t* codes) noexcept {
  const uint64_t flip = key.descending ? ~uint64_t{0} : 0;
  for (int64_t row = begin; row < end; ++row) {
    bool nan = false;
    const uint64_t code = key.column.is_null(row) ? kNullCode : value_code<E>(key.column, row, nan) ^ flip;
    codes[row - begin] = key.column.is_null(row) ? kNullCode : nan ? kNanCode : code;
  }
}

using Encode = void (*)(const SortKey&, int64_t, int64_t, uint64_t*) noexcept;

constexpr Encode kEncoders[kElementCount] = {
    encode<Element::kBool>,   encode<Element::kInt8>,    encode<Element::kInt16>,   encode<Element::kInt32>,
    encode<Element::kInt64>,  encode<Element::kUint8>,   encode<Element::kUint16>,  encode<Element::kUint32>,
    encode<Element::kUint64>, encode<Element::kFloat16>, encode<Element::kFloat32>, encode<Element::kFloat64>,
    encode<Element::kText>,
};

struct EncodedKey {
  explicit EncodedKey(const SortKey& sort_key)
      : key(&sort_key), encode(kEncoders[static_cast<size_t>(sort_key.column.element())]) {
    const Element element = sort_key.column.element();
    const bool full_range = element == Element::kInt64 || element == Element::kUint64;
    exact = element != Element::kText && !(full_range && sort_key.column.validity() != nullptr);
  }

  uint64_t code(int64_t row) const noexcept {
    uint64_t result;
    encode(*key, row, row + 1, &result);
    return result;
  }

  /// Compares rows with equal codes; negative, 0 or positive.
  int refine(int64_t a, int64_t b) const noexcept {
    if (exact) return 0;
    const Column& column = key->column;
    const int nulls = static_cast<int>(column.is_null(a)) - static_cast<int>(column.is_null(b));
    if (nulls != 0 || column.is_null(a) || column.element() != Element::kText) return nulls;
    const int order = column.text_at(a).compare(column.text_at(b));  // as unsigned bytes
    return key->descending ? -order : order;
  }

  const SortKey* key;
  Encode encode;
  bool exact;  // equal codes mean equal keys
};

struct Entry {
  uint64_t code;  // of the first key
  int64_t row;
};

class Less {
 public:
  explicit Less(const std::vector<EncodedKey>& keys) : keys_(&keys) {}

  bool operator()(const Entry& a, const Entry& b) const noexcept {
    if (a.code != b.code) return a.code < b.code;
    const std::vector<EncodedKey>& keys = *keys_;
    if (const int order = keys[0].refine(a.row, b.row); order != 0) return order < 0;
    for (size_t i = 1; i < keys.size(); ++i) {
      const uint64_t left = keys[i].code(a.row);
      const uint64_t right = keys[i].code(b.row);
      if (left != right) return left < right;
      if (const int order = keys[i].refine(a.row, b.row); order != 0) return order < 0;
    }
    return a.row < b.row;
  }

 private:
  const std::vector<EncodedKey>* keys_;
};

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
        key.encode(*key.key, begin, end, codes);
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
  if (keys.size() > 1 || !keys[0].exact || rows < kRadixRows || bits > kRadixBits) {
    parallel_sort(pool, entries, Less(keys));
    return entries;
  }
  pool.parallel_for(rows, kMorsel, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const uint64_t code = entries[i].code;
      entries[i].code = code < kNanCode ? code - range.low : last - (kNullCode - code);
    }
  });
  radix_sort(pool, entries, bits);
  return entries;
}

std::vector<Entry> top_k(const std::vector<EncodedKey>& keys, int64_t rows, int64_t k, ThreadPool& pool,
                         const Cancellation* cancellation) {
  using Collector = Smallest<Entry, Less>;
  std::vector<Collector> collectors(static_cast<size_t>(pool.threads()), Collector(k, Less(keys)));
  std::vector<Outrank> outranks(static_cast<size_t>(pool.threads()), Outrank(*keys[0].key, keys.size() > 1));
  pool.parallel_for(
      rows, kMorsel,
      [&](int64_t begin, int64_t end, int worker) {
        Collector& collector = collectors[static_cast<size_t>(worker)];
        Outrank& outrank = outranks[static_cast<size_t>(worker)];
        for (int64_t row = begin; row < end; row += kOutrankRows) {
          const int64_t stop = std::min(end, row + kOutrankRows);
          if (outrank.active() && !outrank.any(row, stop)) continue;
          uint64_t codes[kOutrankRows];
          keys[0].encode(*keys[0].key, row, stop, codes);
          for (int64_t i = row; i < stop; ++i) collector.add({codes[i - row], i});
          if (const Entry* bound = collector.bound(); bound != nullptr) outrank.set_bound(bound->row);
        }
      },
      cancellation);
  return Collector::merge(pool, collectors);
}

}  // namespace

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
    const bool one_element = key.column.layout() == Layout::kText ||
                             (key.column.layout() == Layout::kDense && key.column.row_elements() == 1);
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
