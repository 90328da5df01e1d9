// `column compare constant`, ranges and few items straight from the column's buffer into a bitmap, for every
// processor and again for wider vectors; which of them is chosen once when a program is compiled.
#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "mask_loops.h"
#include "tql_engine/intrinsics.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;

/// 64 bytes that are 0 or 1 as 64 bits: the multiplication moves the lowest bit of each of eight bytes into
/// the highest byte.
struct PackBase {
  static uint64_t word(const uint8_t* bytes) noexcept {
    uint64_t word = 0;
    for (int group = 0; group < 8; ++group) {
      uint64_t eight = 0;
      std::memcpy(&eight, bytes + group * 8, sizeof(eight));
      word |= ((eight * 0x0102040810204080u) >> 56) << (group * 8);
    }
    return word;
  }
};

#if defined(__x86_64__)
/// The same by instructions that gather the highest bit of each byte.
struct PackAvx2 {
  [[gnu::target("avx2")]] static uint64_t word(const uint8_t* bytes) noexcept {
    return half(bytes) | uint64_t{half(bytes + 32)} << 32;
  }

 private:
  [[gnu::target("avx2")]] static uint32_t half(const uint8_t* bytes) noexcept {
    const __m256i loaded = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_slli_epi16(loaded, 7)));
  }
};
#endif

/// A comparison with a constant; `negate` turns it round.
template <class Op, bool negate, class T>
struct CompareTest {
  using Value = T;
  T right;

  explicit CompareTest(const void* constant) noexcept { std::memcpy(&right, constant, sizeof(right)); }
  [[gnu::always_inline]] bool operator()(T value) const noexcept { return Op::apply(value, right) != negate; }
};

/// Both ends of a range.
template <class Above, class Below, class T>
struct RangeTest {
  using Value = T;
  T low;
  T high;

  explicit RangeTest(const void* operand) noexcept {
    const auto& ends = *static_cast<const RangeEnds*>(operand);
    std::memcpy(&low, ends.low.data(), sizeof(low));
    std::memcpy(&high, ends.high.data(), sizeof(high));
  }
  [[gnu::always_inline]] bool operator()(T value) const noexcept {
    return static_cast<bool>(Above::apply(value, low) & Below::apply(value, high));  // no branch
  }
};

template <class Pack, class Test>
[[gnu::always_inline]] inline void test_body(const void* values, const void* operand, int64_t n,
                                             uint64_t* words) {
  const auto* __restrict from = static_cast<const typename Test::Value*>(values);
  const Test test(operand);
  alignas(kWordBits) std::array<uint8_t, kWordBits> bytes;
  for (; n >= kWordBits; n -= kWordBits, from += kWordBits, ++words) {
    for (size_t i = 0; i < kWordBits; ++i) bytes[i] = static_cast<uint8_t>(test(from[i]));
    *words = Pack::word(bytes.data());
  }
  if (n == 0) return;
  bytes.fill(0);
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) bytes[i] = static_cast<uint8_t>(test(from[i]));
  *words = Pack::word(bytes.data());
}

template <class Test>
void test_base(const void* values, const void* operand, int64_t n, uint64_t* words) {
  test_body<PackBase, Test>(values, operand, n, words);
}

#if defined(__x86_64__)
template <class Test>
[[gnu::target("avx2")]] void test_avx2(const void* values, const void* operand, int64_t n, uint64_t* words) {
  test_body<PackAvx2, Test>(values, operand, n, words);
}
#endif

template <class Pack, class T>
[[gnu::always_inline]] inline void few_body(const void* values, const void* operand, int64_t n,
                                            uint64_t* words) {
  const T* __restrict from = static_cast<const T*>(values);
  const auto& few = *static_cast<const FewItems*>(operand);
  std::array<T, FewItems::kMost> items;
  std::memcpy(items.data(), few.items.data(), sizeof(items));
  alignas(kWordBits) std::array<uint8_t, kWordBits> bytes;
  for (; n > 0; n -= kWordBits, from += kWordBits, ++words) {
    const auto count = static_cast<size_t>(std::min(n, kWordBits));
    bytes.fill(0);
    for (size_t k = 0; k < static_cast<size_t>(few.count); ++k) {
      const T item = items[k];
      for (size_t i = 0; i < count; ++i) bytes[i] |= static_cast<uint8_t>(from[i] == item);
    }
    *words = Pack::word(bytes.data());
  }
}

template <class T>
void few_base(const void* values, const void* operand, int64_t n, uint64_t* words) {
  few_body<PackBase, T>(values, operand, n, words);
}

#if defined(__x86_64__)
template <class T>
[[gnu::target("avx2")]] void few_avx2(const void* values, const void* operand, int64_t n, uint64_t* words) {
  few_body<PackAvx2, T>(values, operand, n, words);
}
#endif

#if defined(__x86_64__)
/// Eight values as distances from the first key, 32 bits each; distances beyond those stay beyond the set.
template <class T>
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i distances(const T* values, uint64_t first) {
  const __m256i origin = _mm256_set1_epi32(static_cast<int32_t>(static_cast<uint32_t>(first)));
  if constexpr (sizeof(T) == 1) {
    const __m128i loaded = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(values));
    const __m256i wide = std::is_signed_v<T> ? _mm256_cvtepi8_epi32(loaded) : _mm256_cvtepu8_epi32(loaded);
    return _mm256_sub_epi32(wide, origin);
  } else if constexpr (sizeof(T) == 2) {
    const __m128i loaded = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
    const __m256i wide = std::is_signed_v<T> ? _mm256_cvtepi16_epi32(loaded) : _mm256_cvtepu16_epi32(loaded);
    return _mm256_sub_epi32(wide, origin);
  } else {
    return _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)), origin);
  }
}

/// The bit of a key is looked up in both halves of the set, of which the ninth bit of the distance chooses
/// one, and shifted to the sign, which is what becomes a bit of the word.
template <class T>
[[gnu::target("avx2")]] void small_set_avx2(const void* values, const void* operand, int64_t n,
                                            uint64_t* words) {
  constexpr int64_t kLanes = 8;
  const auto& set = *static_cast<const SmallSet*>(operand);
  const __m256i low = _mm256_load_si256(reinterpret_cast<const __m256i*>(set.words.data()));
  const __m256i high = _mm256_load_si256(reinterpret_cast<const __m256i*>(set.words.data() + kLanes));
  const __m256i last = _mm256_set1_epi32(SmallSet::kBits - 1);
  const T* from = static_cast<const T*>(values);
  std::array<T, kWordBits> rest{};
  for (; n > 0; n -= kWordBits, from += kWordBits, ++words) {
    if (n < kWordBits) {
      std::memcpy(rest.data(), from, static_cast<size_t>(n) * sizeof(T));
      from = rest.data();
    }
    uint64_t word = 0;
    for (int64_t lane = 0; lane < kWordBits; lane += kLanes) {
      const __m256i at = distances<T>(from + lane, set.first);
      const __m256i place = _mm256_srli_epi32(at, 5);
      const __m256i bits =
          _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(_mm256_permutevar8x32_epi32(low, place)),
                                               _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(high, place)),
                                               _mm256_castsi256_ps(_mm256_slli_epi32(at, 23))));
      const __m256i up = _mm256_andnot_si256(at, _mm256_set1_epi32(31));  // from the key's bit to the sign
      const __m256i inside = _mm256_cmpeq_epi32(_mm256_max_epu32(at, last), last);
      const __m256i found = _mm256_and_si256(_mm256_sllv_epi32(bits, up), inside);
      word |= static_cast<uint64_t>(_mm256_movemask_ps(_mm256_castsi256_ps(found))) << lane;
    }
    *words = n < kWordBits ? word & (~uint64_t{0} >> (kWordBits - n)) : word;
  }
}

MaskLoop choose_small_set_avx2(Element element) noexcept {
  return loop_for(element, []<class T>() -> MaskLoop {
    if constexpr (std::is_integral_v<T> && sizeof(T) <= sizeof(int32_t)) return &small_set_avx2<T>;
    return nullptr;
  });
}
#endif

template <class T>
MaskLoop choose_few() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &few_avx2<T>;
#endif
  return &few_base<T>;
}

template <class Test>
MaskLoop choose() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &test_avx2<Test>;
#endif
  return &test_base<Test>;
}

/// Numbers but NaN are totally ordered, so half of the comparisons of integers are the others negated.
template <class T>
MaskLoop choose_compare(CompareOp op) noexcept {
  constexpr bool is_integer = std::is_integral_v<T>;
  using NotAbove =
      std::conditional_t<is_integer, CompareTest<Greater, true, T>, CompareTest<LessEqual, false, T>>;
  using NotBelow =
      std::conditional_t<is_integer, CompareTest<Less, true, T>, CompareTest<GreaterEqual, false, T>>;
  switch (op) {
    case CompareOp::kEqual:
      return choose<CompareTest<Equal, false, T>>();
    case CompareOp::kNotEqual:
      return choose<CompareTest<Equal, true, T>>();
    case CompareOp::kLess:
      return choose<CompareTest<Less, false, T>>();
    case CompareOp::kLessEqual:
      return choose<NotAbove>();
    case CompareOp::kGreater:
      return choose<CompareTest<Greater, false, T>>();
    case CompareOp::kGreaterEqual:
      return choose<NotBelow>();
  }
  return nullptr;
}

template <class T>
MaskLoop choose_range(bool open_low, bool open_high) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    if (open_low && open_high) return choose<RangeTest<Greater, Less, T>>();
    if (open_low) return choose<RangeTest<Greater, LessEqual, T>>();
    if (open_high) return choose<RangeTest<GreaterEqual, Less, T>>();
  }
  return choose<RangeTest<GreaterEqual, LessEqual, T>>();
}

}  // namespace

MaskLoop compare_mask_loop(CompareOp op, Element element) noexcept {
  if (simd_level() == SimdLevel::kAvx512) return compare_mask_loop_avx512(op, element);
  return loop_for(element, [op]<class T>() { return choose_compare<T>(op); });
}

MaskLoop range_mask_loop(bool open_low, bool open_high, Element element) noexcept {
  if (simd_level() == SimdLevel::kAvx512) return range_mask_loop_avx512(open_low, open_high, element);
  return loop_for(element, [&]<class T>() { return choose_range<T>(open_low, open_high); });
}

MaskLoop few_items_mask_loop(Element element) noexcept {
  if (simd_level() == SimdLevel::kAvx512) return few_items_mask_loop_avx512(element);
  return loop_for(element, []<class T>() { return choose_few<T>(); });
}

MaskLoop small_set_mask_loop(Element element) noexcept {
  if (simd_level() == SimdLevel::kAvx512) return small_set_mask_loop_avx512(element);
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx2) return choose_small_set_avx2(element);
#endif
  return nullptr;
}

void mark_nonzero(const uint8_t* bytes, int64_t n, uint64_t* words) noexcept {
  static const MaskLoop loop = compare_mask_loop(CompareOp::kNotEqual, Element::kUint8);
  const uint8_t zero = 0;
  loop(bytes, &zero, n, words);
}

void keep_nonzero(const uint8_t* bytes, int64_t n, uint64_t* words) noexcept {
  constexpr int64_t kBlockWords = 64;
  std::array<uint64_t, kBlockWords> kept;
  for (int64_t begin = 0; begin < n; begin += kBlockWords * kWordBits) {
    const int64_t count = std::min(kBlockWords * kWordBits, n - begin);
    mark_nonzero(bytes + begin, count, kept.data());
    for (int64_t i = 0; i * kWordBits < count; ++i)
      words[begin / kWordBits + i] &= kept[static_cast<size_t>(i)];
  }
}

PackBytes pack_bytes() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &PackAvx2::word;
#endif
  return &PackBase::word;
}

}  // namespace tql_engine
