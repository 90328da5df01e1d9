// Mask loops by AVX-512, whose comparisons give bits without a detour through bytes.
#include <array>
#include <cstring>

#include "mask_loops.h"
#include "tql_engine/intrinsics.h"

#if defined(__x86_64__)
#define TQL_AVX512 [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] static inline
#endif

namespace tql_engine {

#if defined(__x86_64__)
namespace {

constexpr int64_t kWordBits = 64;

constexpr int integer_predicate(CompareOp op) noexcept {
  switch (op) {
    case CompareOp::kEqual:
      return _MM_CMPINT_EQ;
    case CompareOp::kNotEqual:
      return _MM_CMPINT_NE;
    case CompareOp::kLess:
      return _MM_CMPINT_LT;
    case CompareOp::kLessEqual:
      return _MM_CMPINT_LE;
    case CompareOp::kGreater:
      return _MM_CMPINT_NLE;
    default:
      return _MM_CMPINT_NLT;
  }
}

/// NaN is not equal to anything, and in no order.
constexpr int float_predicate(CompareOp op) noexcept {
  switch (op) {
    case CompareOp::kEqual:
      return _CMP_EQ_OQ;
    case CompareOp::kNotEqual:
      return _CMP_NEQ_UQ;
    case CompareOp::kLess:
      return _CMP_LT_OQ;
    case CompareOp::kLessEqual:
      return _CMP_LE_OQ;
    case CompareOp::kGreater:
      return _CMP_GT_OQ;
    default:
      return _CMP_GE_OQ;
  }
}

/// Where GCC 12 runs out of registers it keeps a mask of 32 bits in memory and takes it back as 64, the upper
/// half being whatever was there. So it is made to bring the mask into a register that it knows.
TQL_AVX512 uint64_t widened(__mmask32 mask) {
  uint32_t bits = mask;
  asm("" : "+r"(bits));
  return bits;
}
TQL_AVX512 uint64_t widened(__mmask64 mask) { return mask; }
TQL_AVX512 uint64_t widened(__mmask16 mask) { return mask; }
TQL_AVX512 uint64_t widened(__mmask8 mask) { return mask; }

/// One vector of values of type T, compared with a constant.
template <class T>
struct Lanes;

#define TQL_INTEGER_LANES(T, bits, sign)                                                    \
  template <>                                                                               \
  struct Lanes<T> {                                                                         \
    static constexpr int64_t kCount = 512 / bits;                                           \
    using Vector = __m512i;                                                                 \
    TQL_AVX512 Vector broadcast(T value) {                                                  \
      using Signed = std::make_signed_t<T>;                                                 \
      return _mm512_set1_epi##bits(static_cast<Signed>(value));                             \
    }                                                                                       \
    template <CompareOp op>                                                                 \
    TQL_AVX512 uint64_t mask(const T* values, Vector right) {                               \
      const Vector left = _mm512_loadu_si512(values);                                       \
      return widened(_mm512_cmp_ep##sign##bits##_mask(left, right, integer_predicate(op))); \
    }                                                                                       \
  }
TQL_INTEGER_LANES(int8_t, 8, i);
TQL_INTEGER_LANES(uint8_t, 8, u);
TQL_INTEGER_LANES(int16_t, 16, i);
TQL_INTEGER_LANES(uint16_t, 16, u);
TQL_INTEGER_LANES(int32_t, 32, i);
TQL_INTEGER_LANES(uint32_t, 32, u);
TQL_INTEGER_LANES(int64_t, 64, i);
TQL_INTEGER_LANES(uint64_t, 64, u);
#undef TQL_INTEGER_LANES

template <>
struct Lanes<float> {
  static constexpr int64_t kCount = 16;
  using Vector = __m512;
  TQL_AVX512 Vector broadcast(float value) { return _mm512_set1_ps(value); }
  template <CompareOp op>
  TQL_AVX512 uint64_t mask(const float* values, Vector right) {
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(values), right, float_predicate(op));
  }
};

template <>
struct Lanes<double> {
  static constexpr int64_t kCount = 8;
  using Vector = __m512d;
  TQL_AVX512 Vector broadcast(double value) { return _mm512_set1_pd(value); }
  template <CompareOp op>
  TQL_AVX512 uint64_t mask(const double* values, Vector right) {
    return _mm512_cmp_pd_mask(_mm512_loadu_pd(values), right, float_predicate(op));
  }
};

/// Runs word(values) over whole words, and over a copy of what is left.
template <class T, class Word>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] inline void for_each_word(
    const void* values, int64_t n, uint64_t* words, Word word) {
  const T* from = static_cast<const T*>(values);
  for (; n >= kWordBits; n -= kWordBits, from += kWordBits) *words++ = word(from);
  if (n == 0) return;
  std::array<T, kWordBits> rest{};
  std::memcpy(rest.data(), from, static_cast<size_t>(n) * sizeof(T));
  *words = word(rest.data()) & (~uint64_t{0} >> (kWordBits - n));
}

template <CompareOp op, class T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void compare(const void* values, const void* constant,
                                                                   int64_t n, uint64_t* words) {
  using L = Lanes<T>;
  T value;
  std::memcpy(&value, constant, sizeof(value));
  struct Word {
    typename L::Vector right;
    [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] uint64_t operator()(
        const T* from) const {
      uint64_t word = 0;
      for (int64_t lane = 0; lane < kWordBits; lane += L::kCount) {
        word |= L::template mask<op>(from + lane, right) << lane;
      }
      return word;
    }
  };
  for_each_word<T>(values, n, words, Word{L::broadcast(value)});
}

template <CompareOp above, CompareOp below, class T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void range(const void* values, const void* operand,
                                                                 int64_t n, uint64_t* words) {
  using L = Lanes<T>;
  const auto& ends = *static_cast<const RangeEnds*>(operand);
  T low;
  T high;
  std::memcpy(&low, ends.low.data(), sizeof(low));
  std::memcpy(&high, ends.high.data(), sizeof(high));
  struct Word {
    typename L::Vector low;
    typename L::Vector high;
    [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] uint64_t operator()(
        const T* from) const {
      uint64_t word = 0;
      for (int64_t lane = 0; lane < kWordBits; lane += L::kCount) {
        const uint64_t inside =
            L::template mask<above>(from + lane, low) & L::template mask<below>(from + lane, high);
        word |= inside << lane;
      }
      return word;
    }
  };
  for_each_word<T>(values, n, words, Word{L::broadcast(low), L::broadcast(high)});
}

template <class T>
MaskLoop choose(CompareOp op) noexcept {
  switch (op) {
    case CompareOp::kEqual:
      return &compare<CompareOp::kEqual, T>;
    case CompareOp::kNotEqual:
      return &compare<CompareOp::kNotEqual, T>;
    case CompareOp::kLess:
      return &compare<CompareOp::kLess, T>;
    case CompareOp::kLessEqual:
      return &compare<CompareOp::kLessEqual, T>;
    case CompareOp::kGreater:
      return &compare<CompareOp::kGreater, T>;
    case CompareOp::kGreaterEqual:
      return &compare<CompareOp::kGreaterEqual, T>;
  }
  return nullptr;
}

template <class T>
MaskLoop choose_range(bool open_low, bool open_high) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    if (open_low && open_high) return &range<CompareOp::kGreater, CompareOp::kLess, T>;
    if (open_low) return &range<CompareOp::kGreater, CompareOp::kLessEqual, T>;
    if (open_high) return &range<CompareOp::kGreaterEqual, CompareOp::kLess, T>;
  }
  return &range<CompareOp::kGreaterEqual, CompareOp::kLessEqual, T>;
}

template <class T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void few_items(const void* values, const void* operand,
                                                                     int64_t n, uint64_t* words) {
  using L = Lanes<T>;
  const auto& few = *static_cast<const FewItems*>(operand);
  std::array<T, FewItems::kMost> items;
  std::memcpy(items.data(), few.items.data(), sizeof(items));
  struct Word {
    const T* items;
    int64_t count;
    [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] uint64_t operator()(
        const T* from) const {
      uint64_t word = 0;
      for (int64_t i = 0; i < count; ++i) {
        const typename L::Vector item = L::broadcast(items[i]);
        for (int64_t lane = 0; lane < kWordBits; lane += L::kCount) {
          word |= L::template mask<CompareOp::kEqual>(from + lane, item) << lane;
        }
      }
      return word;
    }
  };
  for_each_word<T>(values, n, words, Word{items.data(), few.count});
}

/// 16 values as distances from the first key, 32 bits each; distances beyond those stay beyond the set.
template <class T>
TQL_AVX512 __m512i distances(const T* values, uint64_t first) {
  const __m512i origin = _mm512_set1_epi32(static_cast<int32_t>(static_cast<uint32_t>(first)));
  if constexpr (sizeof(T) == 1) {
    const __m128i loaded = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
    const __m512i wide = std::is_signed_v<T> ? _mm512_cvtepi8_epi32(loaded) : _mm512_cvtepu8_epi32(loaded);
    return _mm512_sub_epi32(wide, origin);
  } else if constexpr (sizeof(T) == 2) {
    const __m256i loaded = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
    const __m512i wide = std::is_signed_v<T> ? _mm512_cvtepi16_epi32(loaded) : _mm512_cvtepu16_epi32(loaded);
    return _mm512_sub_epi32(wide, origin);
  } else if constexpr (sizeof(T) == 4) {
    return _mm512_sub_epi32(_mm512_loadu_si512(values), origin);
  } else {
    const __m512i origin64 = _mm512_set1_epi64(static_cast<int64_t>(first));
    const __m512i low = _mm512_sub_epi64(_mm512_loadu_si512(values), origin64);
    const __m512i high = _mm512_sub_epi64(_mm512_loadu_si512(values + 8), origin64);
    // Saturating, so that a far value does not come back into the set.
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtusepi64_epi32(low)),
                              _mm512_cvtusepi64_epi32(high), 1);
  }
}

template <class T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void small_set(const void* values, const void* operand,
                                                                     int64_t n, uint64_t* words) {
  const auto& set = *static_cast<const SmallSet*>(operand);
  struct Word {
    __m512i table;
    uint64_t first;
    [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::always_inline]] uint64_t operator()(
        const T* from) const {
      uint64_t word = 0;
      for (int64_t lane = 0; lane < kWordBits; lane += 16) {
        const __m512i at = distances<T>(from + lane, first);
        const __mmask16 inside = _mm512_cmplt_epu32_mask(at, _mm512_set1_epi32(SmallSet::kBits));
        const __m512i bits = _mm512_permutexvar_epi32(_mm512_srli_epi32(at, 5), table);
        const __m512i bit =
            _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(at, _mm512_set1_epi32(31)));
        word |= uint64_t{_mm512_mask_test_epi32_mask(inside, bits, bit)} << lane;
      }
      return word;
    }
  };
  for_each_word<T>(values, n, words, Word{_mm512_load_si512(set.words.data()), set.first});
}

}  // namespace

MaskLoop compare_mask_loop_avx512(CompareOp op, Element element) noexcept {
  return loop_for(element, [op]<class T>() { return choose<T>(op); });
}

MaskLoop range_mask_loop_avx512(bool open_low, bool open_high, Element element) noexcept {
  return loop_for(element, [&]<class T>() { return choose_range<T>(open_low, open_high); });
}

MaskLoop few_items_mask_loop_avx512(Element element) noexcept {
  return loop_for(element, []<class T>() -> MaskLoop { return &few_items<T>; });
}

MaskLoop small_set_mask_loop_avx512(Element element) noexcept {
  return loop_for(element, []<class T>() -> MaskLoop {
    if constexpr (std::is_integral_v<T>) return &small_set<T>;
    return nullptr;
  });
}

#else

MaskLoop compare_mask_loop_avx512(CompareOp, Element) noexcept { return nullptr; }
MaskLoop range_mask_loop_avx512(bool, bool, Element) noexcept { return nullptr; }
MaskLoop few_items_mask_loop_avx512(Element) noexcept { return nullptr; }
MaskLoop small_set_mask_loop_avx512(Element) noexcept { return nullptr; }

#endif

}  // namespace tql_engine
