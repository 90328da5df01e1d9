// `column compare constant` straight from the column's buffer into a bitmap, for every processor and again
// for wider vectors; which of them is chosen once when a program is compiled.
#include <algorithm>
#include <array>
#include <cstring>

#include "mask_loops.h"
#include "tql_engine/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

template <class Pack, class Op, bool negate, class T, class C>
[[gnu::always_inline]] inline void compare_body(const void* values, const void* constant, int64_t n,
                                                uint64_t* words) {
  const T* __restrict from = static_cast<const T*>(values);
  const C right = *static_cast<const C*>(constant);
  alignas(kWordBits) std::array<uint8_t, kWordBits> bytes;
  for (; n >= kWordBits; n -= kWordBits, from += kWordBits, ++words) {
    for (size_t i = 0; i < kWordBits; ++i) {
      bytes[i] = static_cast<uint8_t>(Op::apply(static_cast<C>(from[i]), right) != negate);
    }
    *words = Pack::word(bytes.data());
  }
  if (n == 0) return;
  bytes.fill(0);
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    bytes[i] = static_cast<uint8_t>(Op::apply(static_cast<C>(from[i]), right) != negate);
  }
  *words = Pack::word(bytes.data());
}

template <class Op, bool negate, class T, class C>
void compare_base(const void* values, const void* constant, int64_t n, uint64_t* words) {
  compare_body<PackBase, Op, negate, T, C>(values, constant, n, words);
}

#if defined(__x86_64__)
template <class Op, bool negate, class T, class C>
[[gnu::target("avx2")]] void compare_avx2(const void* values, const void* constant, int64_t n,
                                          uint64_t* words) {
  compare_body<PackAvx2, Op, negate, T, C>(values, constant, n, words);
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

template <class T>
MaskLoop choose_few() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &few_avx2<T>;
#endif
  return &few_base<T>;
}

template <class Op, bool negate, class T, class C = T>
MaskLoop choose() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &compare_avx2<Op, negate, T, C>;
#endif
  return &compare_base<Op, negate, T, C>;
}

/// Integers are totally ordered, so half of the comparisons are the others negated.
template <class T>
MaskLoop integer_loop(CompareOp op) noexcept {
  switch (op) {
    case CompareOp::kEqual:
      return choose<Equal, false, T>();
    case CompareOp::kNotEqual:
      return choose<Equal, true, T>();
    case CompareOp::kLess:
      return choose<Less, false, T>();
    case CompareOp::kGreaterEqual:
      return choose<Less, true, T>();
    case CompareOp::kGreater:
      return choose<Greater, false, T>();
    case CompareOp::kLessEqual:
      return choose<Greater, true, T>();
  }
  return nullptr;
}

template <class T, class C>
MaskLoop float_loop(CompareOp op) noexcept {
  switch (op) {
    case CompareOp::kEqual:
      return choose<Equal, false, T, C>();
    case CompareOp::kNotEqual:
      return choose<Equal, true, T, C>();
    case CompareOp::kLess:
      return choose<Less, false, T, C>();
    case CompareOp::kLessEqual:
      return choose<LessEqual, false, T, C>();
    case CompareOp::kGreater:
      return choose<Greater, false, T, C>();
    case CompareOp::kGreaterEqual:
      return choose<GreaterEqual, false, T, C>();
  }
  return nullptr;
}

}  // namespace

MaskLoop compare_mask_loop(CompareOp op, Element element, bool wide) noexcept {
  if (simd_level() == SimdLevel::kAvx512) return compare_mask_loop_avx512(op, element, wide);
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return integer_loop<uint8_t>(op);
    case Element::kInt8:
      return integer_loop<int8_t>(op);
    case Element::kInt16:
      return integer_loop<int16_t>(op);
    case Element::kInt32:
      return integer_loop<int32_t>(op);
    case Element::kInt64:
      return integer_loop<int64_t>(op);
    case Element::kUint16:
      return integer_loop<uint16_t>(op);
    case Element::kUint32:
      return integer_loop<uint32_t>(op);
    case Element::kUint64:
      return integer_loop<uint64_t>(op);
    case Element::kFloat32:
      return wide ? float_loop<float, double>(op) : float_loop<float, float>(op);
    case Element::kFloat64:
      return float_loop<double, double>(op);
    default:
      return nullptr;
  }
}

MaskLoop few_items_mask_loop(Element element) noexcept {
  if (simd_level() == SimdLevel::kAvx512) return few_items_mask_loop_avx512(element);
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return choose_few<uint8_t>();
    case Element::kInt8:
      return choose_few<int8_t>();
    case Element::kInt16:
      return choose_few<int16_t>();
    case Element::kUint16:
      return choose_few<uint16_t>();
    case Element::kInt32:
      return choose_few<int32_t>();
    case Element::kUint32:
      return choose_few<uint32_t>();
    case Element::kInt64:
      return choose_few<int64_t>();
    case Element::kUint64:
      return choose_few<uint64_t>();
    case Element::kFloat32:
      return choose_few<float>();
    case Element::kFloat64:
      return choose_few<double>();
    default:
      return nullptr;
  }
}

MaskLoop small_set_mask_loop(Element element) noexcept {
  return simd_level() == SimdLevel::kAvx512 ? small_set_mask_loop_avx512(element) : nullptr;
}

void mark_nonzero(const uint8_t* bytes, int64_t n, uint64_t* words) noexcept {
  static const MaskLoop loop = compare_mask_loop(CompareOp::kNotEqual, Element::kUint8, false);
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
