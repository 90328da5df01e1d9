// The loops are plain C++ that the compiler turns into vector instructions of each level.
#include "candidates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>

#include "encoded_key.h"
#include "tql_engine/loops.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

using Block = CandidateFinder::Block;

constexpr uint64_t kSign = uint64_t{1} << 63;
constexpr int64_t kPart = 64;  // of a block with candidates, tested again before its rows are

/// What is compared of a value: itself.
template <class T>
struct Plain {
  using Stored = T;
  using Compared = T;
  static constexpr T kLargest =
      std::floating_point<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  static constexpr T kSmallest =
      std::floating_point<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();

  static T of(T value) noexcept { return value; }

  /// The value with this code.
  static T decode(uint64_t code) noexcept {
    if constexpr (std::floating_point<T>) {
      return static_cast<T>(std::bit_cast<double>((code & kSign) != 0 ? code ^ kSign : ~code));
    } else if constexpr (std::same_as<T, uint64_t>) {
      return code;
    } else {
      return static_cast<T>(code ^ kSign);
    }
  }

  /// The last of the values that are equal to this one.
  static T last_equal(T value, bool) noexcept { return value; }

  static T step(T value, bool up) noexcept {
    if constexpr (std::floating_point<T>) {
      return std::nextafter(value, up ? kLargest : kSmallest);
    } else {
      return static_cast<T>(up ? value + 1 : value - 1);
    }
  }

  static bool before(T value, T limit, bool descending) noexcept {
    return descending ? value >= limit : value <= limit;
  }
};

/// Halves by their bits as integers of the same order, with -0 just below 0.
struct HalfBits {
  using Stored = uint16_t;
  using Compared = int16_t;
  static constexpr int16_t kLargest = 0x7c00;
  static constexpr int16_t kSmallest = static_cast<int16_t>(0xfc00 ^ 0x7fff);

  static int16_t of(uint16_t bits) noexcept {
    const auto sign = static_cast<int16_t>(static_cast<int16_t>(bits) >> 15);
    return static_cast<int16_t>(bits ^ (sign & 0x7fff));
  }
  static int16_t decode(uint64_t code) noexcept { return of(float_to_half(Plain<float>::decode(code)).bits); }
  // Decoding gives 0 for both zeros.
  static int16_t last_equal(int16_t value, bool descending) noexcept {
    return value == 0 && descending ? int16_t{-1} : value;
  }
  static int16_t step(int16_t value, bool up) noexcept {
    return static_cast<int16_t>(up ? value + 1 : value == 0 ? -2 : value - 1);
  }
  static bool before(int16_t value, int16_t limit, bool descending) noexcept {
    // NaN lies beyond the infinities.
    return descending ? (value >= limit) & (value <= kLargest) : (value <= limit) & (value >= kSmallest);
  }
};

template <class Key, bool descending>
[[gnu::always_inline]] inline Block find_body(const void* values, int64_t begin, int64_t end,
                                              const void* limit_bytes, uint16_t* rows) noexcept {
  using Flag = std::conditional_t<
      sizeof(typename Key::Stored) == 1, uint8_t,
      std::conditional_t<sizeof(typename Key::Stored) == 2, uint16_t,
                         std::conditional_t<sizeof(typename Key::Stored) == 4, uint32_t, uint64_t>>>;
  typename Key::Compared limit;
  std::memcpy(&limit, limit_bytes, sizeof(limit));
  const auto* const from = static_cast<const typename Key::Stored*>(values);
  const auto test = [&](int64_t row) { return Key::before(Key::of(from[row]), limit, descending); };
  const auto any = [&](int64_t first, int64_t size) {
    Flag flag = 0;  // as wide as a value, so that no lane needs widening
    for (int64_t i = 0; i < size; ++i) flag |= static_cast<Flag>(test(first + i));
    return flag != 0;
  };
  for (int64_t block = begin; block < end; block += kCandidateRows) {
    const int64_t size = std::min(kCandidateRows, end - block);
    if (size == kCandidateRows ? !any(block, kCandidateRows) : !any(block, size)) continue;
    int64_t found = 0;
    for (int64_t part = 0; part < size; part += kPart) {
      if (part + kPart <= size && !any(block + part, kPart)) continue;
      for (int64_t i = part; i < std::min(size, part + kPart); ++i) {
        rows[found] = static_cast<uint16_t>(i);
        found += test(block + i) ? 1 : 0;
      }
    }
    return {block, found};
  }
  return {end, 0};
}

template <class Key, bool descending>
Block find_base(const void* values, int64_t begin, int64_t end, const void* limit, uint16_t* rows) noexcept {
  return find_body<Key, descending>(values, begin, end, limit, rows);
}

#if defined(__x86_64__)
template <class Key, bool descending>
[[gnu::target("avx2")]] Block find_avx2(const void* values, int64_t begin, int64_t end, const void* limit,
                                        uint16_t* rows) noexcept {
  return find_body<Key, descending>(values, begin, end, limit, rows);
}

template <class Key, bool descending>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] Block find_avx512(const void* values, int64_t begin,
                                                                        int64_t end, const void* limit,
                                                                        uint16_t* rows) noexcept {
  return find_body<Key, descending>(values, begin, end, limit, rows);
}
#endif

template <class Key, bool descending>
auto choose_find() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &find_avx512<Key, descending>;
  if (simd_level() == SimdLevel::kAvx2) return &find_avx2<Key, descending>;
#endif
  return &find_base<Key, descending>;
}

/// False where no value comes before the limit.
template <class Key>
bool set_limit_of(uint64_t code, bool descending, bool ties, void* limit) noexcept {
  typename Key::Compared value = Key::decode(descending ? ~code : code);
  if (ties) {
    value = Key::last_equal(value, descending);
  } else {
    if (value == (descending ? Key::kLargest : Key::kSmallest)) return false;
    value = Key::step(value, descending);
  }
  std::memcpy(limit, &value, sizeof(value));
  return true;
}

struct Loops {
  CandidateFinder::Find find = nullptr;
  CandidateFinder::SetLimit set_limit = nullptr;
};

template <class Key>
Loops loops_of(bool descending) noexcept {
  return {descending ? choose_find<Key, true>() : choose_find<Key, false>(), &set_limit_of<Key>};
}

using MakeLoops = Loops (*)(bool descending) noexcept;
constexpr auto kLoops = per_element([]<Element E>() -> MakeLoops {
  if constexpr (E == Element::kText) {
    return nullptr;
  } else if constexpr (E == Element::kFloat16) {
    return &loops_of<HalfBits>;
  } else {
    return &loops_of<Plain<Storage<E>>>;
  }
});

}  // namespace

CandidateFinder::CandidateFinder(Element element, bool descending) noexcept : descending_(descending) {
  const MakeLoops make = kLoops[static_cast<size_t>(element)];
  if (make == nullptr) return;
  const Loops loops = make(descending);
  find_ = loops.find;
  set_limit_ = loops.set_limit;
}

void CandidateFinder::set_limit(uint64_t code, bool ties) noexcept {
  if (find_ == nullptr || code >= kNanCode) return;  // any value comes before NaN and NULL
  finds_ = set_limit_(code, descending_, ties, limit_) ? Finds::kSome : Finds::kNone;
}

CandidateFinder::Block CandidateFinder::next(const std::byte* values, int64_t begin, int64_t end,
                                             uint16_t* rows) const noexcept {
  if (finds_ == Finds::kSome) return find_(values, begin, end, limit_, rows);
  if (finds_ == Finds::kNone || begin >= end) return {end, 0};
  const int64_t size = std::min(kCandidateRows, end - begin);
  for (int64_t i = 0; i < size; ++i) rows[i] = static_cast<uint16_t>(i);
  return {begin, size};
}

}  // namespace tql_engine
