// A needle is looked for by some of its bytes at many places at once; what they leave is compared as a whole.
// Texts are compared by their lengths first, which are read without the texts.
#include "text_bits.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "like_pattern.h"
#include "tql_engine/intrinsics.h"
#include "tql_engine/mask.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;

bool is_letter(uint8_t byte) noexcept { return byte >= 'a' && byte <= 'z'; }

uint8_t fold_of(uint8_t byte, bool ignore_case) noexcept { return ignore_case && is_letter(byte) ? 0x20 : 0; }

using Probe = Needle::Probe;

/// Bit i of `words` becomes whether all probes fit at text + i, for 64 * n places.
using ProbeLoop = void (*)(const Probe* probes, const char* text, int64_t n, uint64_t* words);

#if defined(__x86_64__)

[[gnu::target("avx2")]] void probe_avx2(const Probe* probes, const char* text, int64_t n, uint64_t* words) {
  __m256i folds[Needle::kProbes];
  __m256i bytes[Needle::kProbes];
  for (size_t i = 0; i < Needle::kProbes; ++i) {
    folds[i] = _mm256_set1_epi8(static_cast<char>(probes[i].fold));
    bytes[i] = _mm256_set1_epi8(static_cast<char>(probes[i].byte));
  }
  for (int64_t half = 0; half < 2 * n; ++half, text += kWordBits / 2) {
    __m256i equal = _mm256_set1_epi8(-1);
    for (size_t i = 0; i < Needle::kProbes; ++i) {
      const auto* from = reinterpret_cast<const __m256i*>(text + probes[i].offset);
      const __m256i folded = _mm256_or_si256(_mm256_loadu_si256(from), folds[i]);
      equal = _mm256_and_si256(equal, _mm256_cmpeq_epi8(folded, bytes[i]));
    }
    const auto found = static_cast<uint32_t>(_mm256_movemask_epi8(equal));
    words[half / 2] = half % 2 == 0 ? found : words[half / 2] | uint64_t{found} << 32;
  }
}

[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void probe_avx512(const Probe* probes, const char* text,
                                                                        int64_t n, uint64_t* words) {
  __m512i folds[Needle::kProbes];
  __m512i bytes[Needle::kProbes];
  for (size_t i = 0; i < Needle::kProbes; ++i) {
    folds[i] = _mm512_set1_epi8(static_cast<char>(probes[i].fold));
    bytes[i] = _mm512_set1_epi8(static_cast<char>(probes[i].byte));
  }
  for (int64_t word = 0; word < n; ++word, text += kWordBits) {
    uint64_t equal = ~uint64_t{0};
    for (size_t i = 0; i < Needle::kProbes; ++i) {
      const __m512i folded = _mm512_or_si512(_mm512_loadu_si512(text + probes[i].offset), folds[i]);
      equal &= _mm512_cmpeq_epi8_mask(folded, bytes[i]);
    }
    words[word] = equal;
  }
}

#endif

/// Null where the library's search is as good as any.
ProbeLoop probe_loop() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &probe_avx512;
  if (simd_level() == SimdLevel::kAvx2) return &probe_avx2;
#endif
  return nullptr;
}

/// Marks every place of [begin, stop) where the needle is; `mark` is called with each.
template <class Mark>
void find_each(const Needle& needle, const char* data, int64_t begin, int64_t stop, const Mark& mark) {
  for (int64_t at = begin; at < stop; ++at) {
    if (!needle.ignores_case()) {
      const std::string_view rest(data + at, static_cast<size_t>(stop - at + needle.size() - 1));
      const size_t found = find_text(rest, needle.bytes());
      if (found == std::string_view::npos) return;
      at += static_cast<int64_t>(found);
    } else if (!needle.is_at(data + at)) {
      continue;
    }
    mark(at);
  }
}

/// The texts of 64 from `offsets` on that have this length, which is not negative.
template <class Offset>
using LengthWord = uint64_t (*)(const Offset* offsets, Offset length);

template <class Offset>
uint64_t length_base(const Offset* offsets, Offset length) {
  alignas(kWordBits) std::array<uint8_t, kWordBits> bytes;
  for (size_t i = 0; i < kWordBits; ++i)
    bytes[i] = static_cast<uint8_t>(offsets[i + 1] - offsets[i] == length);
  return pack_bytes()(bytes.data());
}

#if defined(__x86_64__)
template <class Offset>
[[gnu::target("avx2")]] uint64_t length_avx2(const Offset* offsets, Offset length) {
  constexpr int64_t kLanes = 32 / sizeof(Offset);
  uint64_t word = 0;
  for (int64_t i = 0; i < kWordBits; i += kLanes) {
    const __m256i start = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offsets + i));
    const __m256i stop = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offsets + i + 1));
    if constexpr (sizeof(Offset) == 4) {
      const __m256i equal = _mm256_cmpeq_epi32(_mm256_sub_epi32(stop, start), _mm256_set1_epi32(length));
      word |= static_cast<uint64_t>(_mm256_movemask_ps(_mm256_castsi256_ps(equal))) << i;
    } else {
      const __m256i equal = _mm256_cmpeq_epi64(_mm256_sub_epi64(stop, start), _mm256_set1_epi64x(length));
      word |= static_cast<uint64_t>(_mm256_movemask_pd(_mm256_castsi256_pd(equal))) << i;
    }
  }
  return word;
}

template <class Offset>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] uint64_t length_avx512(const Offset* offsets,
                                                                             Offset length) {
  constexpr int64_t kLanes = 64 / sizeof(Offset);
  uint64_t word = 0;
  for (int64_t i = 0; i < kWordBits; i += kLanes) {
    const __m512i start = _mm512_loadu_si512(offsets + i);
    const __m512i stop = _mm512_loadu_si512(offsets + i + 1);
    if constexpr (sizeof(Offset) == 4) {
      word |= uint64_t{_mm512_cmpeq_epi32_mask(_mm512_sub_epi32(stop, start), _mm512_set1_epi32(length))}
              << i;
    } else {
      word |= uint64_t{_mm512_cmpeq_epi64_mask(_mm512_sub_epi64(stop, start), _mm512_set1_epi64(length))}
              << i;
    }
  }
  return word;
}
#endif

template <class Offset>
LengthWord<Offset> length_word() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &length_avx512<Offset>;
  if (simd_level() == SimdLevel::kAvx2) return &length_avx2<Offset>;
#endif
  return &length_base<Offset>;
}

/// Compares texts of one length with a text. The first bytes are compared as one number and without a branch:
/// which of the texts are equal is hard to foresee.
class SameLength {
 public:
  SameLength(const Texts& texts, const std::string& text) : texts_(texts), text_(text) {
    const size_t known = std::min(text.size(), sizeof(first_));
    std::memcpy(&first_, text.data(), known);
    std::memset(&mask_, 0xFF, known);
  }

  /// Those of the texts in `word` that are equal; bit i is the one that begins at starts[i].
  template <class Offset>
  uint64_t equal(const Offset* starts, uint64_t word) const noexcept {
    constexpr auto kLoaded = static_cast<int64_t>(sizeof(first_));
    uint64_t alike = 0;
    for (uint64_t left = word; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      const int64_t at = starts[bit];
      uint64_t loaded = 0;
      if (texts_.size - at >= kLoaded) {
        std::memcpy(&loaded, texts_.data + at, kLoaded);
      } else {
        std::memcpy(&loaded, texts_.data + at, text_.size());
      }
      alike |= uint64_t{((loaded ^ first_) & mask_) == 0} << bit;
    }
    if (text_.size() <= sizeof(first_)) return alike;
    for (uint64_t left = alike; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      if (std::memcmp(texts_.data + starts[bit], text_.data(), text_.size()) != 0)
        alike &= ~(uint64_t{1} << bit);
    }
    return alike;
  }

 private:
  const Texts& texts_;
  const std::string& text_;
  uint64_t first_ = 0;
  uint64_t mask_ = 0;
};

template <class Offset>
void find_equal(const Texts& texts, const Offset* starts, const std::string& text, int64_t n,
                uint64_t* words) {
  static const LengthWord<Offset> lengths = length_word<Offset>();
  if (!std::in_range<Offset>(text.size())) {  // no text has that length
    std::fill_n(words, (n + kWordBits - 1) / kWordBits, uint64_t{0});
    return;
  }
  const auto length = static_cast<Offset>(text.size());
  const SameLength same(texts, text);
  const auto keep_equal = [&](int64_t begin) {
    uint64_t& word = words[begin / kWordBits];
    if (!text.empty()) word = same.equal(starts + begin, word);
  };
  // Few texts have that length: theirs are fetched some time before they are looked at, or each would be
  // waited for.
  constexpr int64_t kAhead = 16 * kWordBits;
  for (int64_t begin = 0; begin < n; begin += kWordBits) {
    const Offset* offsets = starts + begin;
    uint64_t equal = 0;
    if (n - begin >= kWordBits) {
      equal = lengths(offsets, length);
    } else {
      for (int64_t i = 0; i < n - begin; ++i) equal |= uint64_t{offsets[i + 1] - offsets[i] == length} << i;
    }
    words[begin / kWordBits] = equal;
    for (; equal != 0; equal &= equal - 1) __builtin_prefetch(texts.data + offsets[std::countr_zero(equal)]);
    if (begin >= kAhead) keep_equal(begin - kAhead);
  }
  const int64_t end = (n + kWordBits - 1) / kWordBits * kWordBits;
  for (int64_t begin = std::max<int64_t>(0, end - kAhead); begin < end; begin += kWordBits) keep_equal(begin);
}

}  // namespace

Needle::Needle(std::string bytes, bool ignore_case) : bytes_(std::move(bytes)), ignore_case_(ignore_case) {
  const size_t last = bytes_.size() - 1;
  const size_t step = std::max<size_t>(1, last / (kProbes - 1));
  for (size_t i = 0; i < kProbes; ++i) {
    const size_t at = i + 1 == kProbes ? last : std::min(i * step, last);
    const auto byte = static_cast<uint8_t>(bytes_[at]);
    probes_[i] = {static_cast<int64_t>(at), fold_of(byte, ignore_case), byte};
  }
}

bool Needle::is_at(const char* text) const noexcept {
  if (!ignore_case_) return std::memcmp(text, bytes_.data(), bytes_.size()) == 0;
  for (size_t i = 0; i < bytes_.size(); ++i) {
    const auto wanted = static_cast<uint8_t>(bytes_[i]);
    if ((static_cast<uint8_t>(text[i]) | fold_of(wanted, true)) != wanted) return false;
  }
  return true;
}

void Needle::find(const char* data, int64_t size, int64_t begin, int64_t n, uint64_t* words) const noexcept {
  static const ProbeLoop loop = probe_loop();
  const int64_t stop =
      std::clamp(size - this->size() + 1, begin, begin + n);  // of the places that it can have
  const int64_t whole = loop == nullptr ? 0 : (stop - begin) / kWordBits;
  std::fill_n(words + whole, (n + kWordBits - 1) / kWordBits - whole, uint64_t{0});
  if (whole > 0) loop(probes_, data + begin, whole, words);
  for (int64_t word = 0; !is_probed() && word < whole; ++word) {
    for (uint64_t left = words[word]; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      if (!is_at(data + begin + word * kWordBits + bit)) words[word] &= ~(uint64_t{1} << bit);
    }
  }
  find_each(*this, data, begin + whole * kWordBits, stop, [&](int64_t at) {
    words[(at - begin) / kWordBits] |= uint64_t{1} << ((at - begin) % kWordBits);
  });
}

void equal_texts(const Texts& texts, const std::string& text, int64_t first, int64_t n, uint64_t* words) {
  texts.offsets.visit([&](const auto* offsets) { find_equal(texts, offsets + first, text, n, words); });
}

bool is_ascii(const char* data, int64_t n) noexcept {
  uint8_t all = 0;
  for (int64_t i = 0; i < n; ++i) all |= static_cast<uint8_t>(data[i]);
  return all < 0x80;
}

}  // namespace tql_engine
