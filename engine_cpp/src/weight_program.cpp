// Weights by blending: each case's bits choose between its weight and nothing.
#include <algorithm>
#include <array>
#include <cstdint>

#include "tql_engine/intrinsics.h"
#include "tql_engine/simd.h"
#include "tql_engine/weight.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;
constexpr int64_t kBlockRows = 4096;
constexpr int64_t kBlockWords = kBlockRows / kWordBits;

/// The bits of all cases for up to kBlockRows rows, case after case.
struct Cases {
  const uint64_t* words;
  const double* weights;
  int64_t count;

  uint64_t word(int64_t number, int64_t at) const noexcept { return words[number * kBlockWords + at]; }
};

template <bool largest>
void blend_base(const Cases& cases, int64_t n, double* out) {
  std::fill_n(out, n, 0.0);
  for (int64_t number = 0; number < cases.count; ++number) {
    const std::array<double, 2> added = {0.0, cases.weights[number]};
    for (int64_t row = 0; row < n; ++row) {
      const double mine = added[cases.word(number, row / kWordBits) >> (row % kWordBits) & 1];
      out[row] = largest ? std::max(out[row], mine) : out[row] + mine;
    }
  }
}

#if defined(__x86_64__)
/// The last rows, fewer than a vector has.
template <bool largest>
void blend_rest(const Cases& cases, int64_t row, int64_t n, double* out) {
  for (; row < n; ++row) {
    double sum = 0;
    for (int64_t number = 0; number < cases.count; ++number) {
      if ((cases.word(number, row / kWordBits) >> (row % kWordBits) & 1) == 0) continue;
      sum = largest ? std::max(sum, cases.weights[number]) : sum + cases.weights[number];
    }
    out[row] = sum;
  }
}

template <bool largest>
[[gnu::target("avx2")]] void blend_avx2(const Cases& cases, int64_t n, double* out) {
  constexpr int64_t kLanes = 4;
  const __m256i lane_bits = _mm256_setr_epi64x(1, 2, 4, 8);
  const bool aligned = reinterpret_cast<uintptr_t>(out) % sizeof(__m256d) == 0;
  int64_t row = 0;
  for (; row + kLanes <= n; row += kLanes) {
    __m256d sum = _mm256_setzero_pd();
    for (int64_t number = 0; number < cases.count; ++number) {
      const auto bits = static_cast<int64_t>(cases.word(number, row / kWordBits) >> (row % kWordBits));
      const __m256i mine = _mm256_and_si256(_mm256_set1_epi64x(bits), lane_bits);
      const __m256d holds = _mm256_castsi256_pd(_mm256_cmpeq_epi64(mine, lane_bits));
      const __m256d weight = _mm256_set1_pd(cases.weights[number]);
      const __m256d with = largest ? _mm256_max_pd(weight, sum) : _mm256_add_pd(sum, weight);
      sum = _mm256_blendv_pd(sum, with, holds);
    }
    if (aligned) {
      _mm256_stream_pd(out + row, sum);
    } else {
      _mm256_storeu_pd(out + row, sum);
    }
  }
  if (aligned) _mm_sfence();
  blend_rest<largest>(cases, row, n, out);
}

template <bool largest>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] void blend_avx512(const Cases& cases, int64_t n,
                                                                        double* out) {
  constexpr int64_t kLanes = 8;
  // Nobody reads the weights soon, so they need not displace what is in the cache.
  const bool aligned = reinterpret_cast<uintptr_t>(out) % sizeof(__m512d) == 0;
  int64_t row = 0;
  for (; row + kLanes <= n; row += kLanes) {
    __m512d sum = _mm512_setzero_pd();
    for (int64_t number = 0; number < cases.count; ++number) {
      const auto holds = static_cast<__mmask8>(cases.word(number, row / kWordBits) >> (row % kWordBits));
      const __m512d weight = _mm512_set1_pd(cases.weights[number]);
      // Of NaN and a number the maximum is the second operand, as it is for std::max.
      sum =
          largest ? _mm512_mask_max_pd(sum, holds, weight, sum) : _mm512_mask_add_pd(sum, holds, sum, weight);
    }
    if (aligned) {
      _mm512_stream_pd(out + row, sum);
    } else {
      _mm512_storeu_pd(out + row, sum);
    }
  }
  if (aligned) _mm_sfence();
  blend_rest<largest>(cases, row, n, out);
}
#endif

using BlendLoop = void (*)(const Cases& cases, int64_t n, double* out);

template <bool largest>
BlendLoop blend_loop() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &blend_avx512<largest>;
  if (simd_level() == SimdLevel::kAvx2) return &blend_avx2<largest>;
#endif
  return &blend_base<largest>;
}

}  // namespace

std::optional<WeightProgram> WeightProgram::compile(std::span<const Instruction> instructions, int result,
                                                    const ProgramInputs& inputs) {
  const Instruction& instruction = instructions[static_cast<size_t>(result)];
  const auto* weight = dynamic_cast<const WeightOperation*>(instruction.operation.get());
  if (weight == nullptr) return std::nullopt;
  WeightProgram program;
  for (const int arg : instruction.args) {
    auto holds = MaskProgram::compile(instructions, arg, inputs);
    if (!holds) return std::nullopt;
    program.cases_.push_back(*std::move(holds));
  }
  program.weights_ = weight->weights();
  program.largest_ = weight->largest();
  return program;
}

bool WeightProgram::runs_on(const Segment& segment) const noexcept {
  return std::ranges::all_of(cases_, [&](const MaskProgram& holds) { return holds.runs_on(segment); });
}

void WeightProgram::evaluate(const Segment& segment, int64_t first, int64_t n, double* out) const {
  static const BlendLoop max_loop = blend_loop<true>();
  static const BlendLoop sum_loop = blend_loop<false>();
  std::vector<uint64_t> words(cases_.size() * kBlockWords);
  const Cases cases{words.data(), weights_.data(), static_cast<int64_t>(cases_.size())};
  for (int64_t done = 0; done < n; done += kBlockRows) {
    const int64_t count = std::min(kBlockRows, n - done);
    for (size_t i = 0; i < cases_.size(); ++i) {
      cases_[i].evaluate(segment, first + done, count, words.data() + i * kBlockWords);
    }
    (largest_ ? max_loop : sum_loop)(cases, count, out + done);
  }
}

}  // namespace tql_engine
