// MAXSIM (late interaction): for each vector of the query its best cosine with a vector of the document,
// summed up. A zero vector has cosine 0 with everything; NaN goes through.
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "tql_engine/cast.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

/// The sum of n products, in eight parts whatever the processor, so the result is the same on all.
[[gnu::always_inline]] inline double product_body(const double* x, const double* y, int64_t n) noexcept {
  std::array<double, 8> part{};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (size_t lane = 0; lane < part.size(); ++lane) part[lane] += x[i + lane] * y[i + lane];
  }
  for (; i < n; ++i) part[0] += x[i] * y[i];
  return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

double product_base(const double* x, const double* y, int64_t n) noexcept { return product_body(x, y, n); }

#if defined(__x86_64__)
[[gnu::target("avx2")]] double product_avx2(const double* x, const double* y, int64_t n) noexcept {
  return product_body(x, y, n);
}
#endif

using Product = double (*)(const double* x, const double* y, int64_t n) noexcept;

Product choose_product() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return &product_avx2;
#endif
  return &product_base;
}

const Product product = choose_product();

/// The vectors of one row, each of length 1 or 0.
class UnitVectors {
 public:
  explicit UnitVectors(UnaryLoop convert) : convert_(convert) {}

  void set(const Vector& x, int64_t row) {
    count = x.row_dims(row)[0];
    width = x.row_dims(row)[1];
    values_.resize(static_cast<size_t>(x.row_elements(row)));
    double* target = values_.data();
    for_each_run(x, row, [&](const void* run, int64_t step, int64_t n) {
      convert_(nullptr, run, step, target, n);
      target += n;
    });
    for (int64_t i = 0; i < count; ++i) {
      double* vector = values_.data() + i * width;
      const double length = std::sqrt(product(vector, vector, width));
      for (int64_t axis = 0; axis < width; ++axis) vector[axis] = length == 0 ? 0 : vector[axis] / length;
    }
  }

  const double* at(int64_t i) const noexcept { return values_.data() + i * width; }

  int64_t count = 0;
  int64_t width = 0;

 private:
  UnaryLoop convert_;
  std::vector<double> values_;
};

class MaxSim final : public Operation {
 public:
  explicit MaxSim(UnaryLoop convert) : convert_(convert) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    const Vector& y = *args[1];
    if (x.rank != 2 || y.rank != 2) {
      frame.fail(Code::kShape, "two lists of vectors are needed, here are arrays of rank " +
                                   std::to_string(x.rank) + " and " + std::to_string(y.rank));
    }
    const int64_t rows = frame.size();
    auto* result = reinterpret_cast<double*>(out.make_scalars(Element::kFloat64, rows));
    uint8_t* valid = out.make_valid(rows);
    UnitVectors documents(convert_);
    UnitVectors query(convert_);
    bool query_is_set = false;
    for (int64_t row = 0; row < rows; ++row) {
      result[row] = 0;
      valid[row] = static_cast<uint8_t>(x.is_valid(row) && y.is_valid(row) && x.row_dims(row)[0] > 0);
      if (valid[row] == 0 || y.row_dims(row)[0] == 0) continue;
      if (x.row_dims(row)[1] != y.row_dims(row)[1]) {
        frame.fail(Code::kShape,
                   "vectors of one length are needed, here are arrays of shapes " +
                       shape_text(x.row_dims(row), 2) + " and " + shape_text(y.row_dims(row), 2),
                   row);
      }
      documents.set(x, row);
      if (!query_is_set) query.set(y, row);
      query_is_set = y.is_constant();
      result[row] = score(documents, query);
    }
  }

 private:
  static double score(const UnitVectors& documents, const UnitVectors& query) noexcept {
    double sum = 0;
    for (int64_t q = 0; q < query.count; ++q) {
      double best = product(documents.at(0), query.at(q), query.width);
      for (int64_t d = 1; d < documents.count; ++d) {
        const double cosine = product(documents.at(d), query.at(q), query.width);
        if (cosine > best || std::isnan(cosine)) best = cosine;
      }
      sum += best;
    }
    return sum;
  }

  UnaryLoop convert_;
};

Bound bind_maxsim(const BindContext& context) {
  const Element element = context.args[0].element;
  if (!is_float(element)) refuse_argument(context, 0);
  if (context.args[1].element != element) refuse_argument(context, 1);
  return {std::make_unique<MaxSim>(cast_loop(element, Element::kFloat64)), Element::kFloat64};
}

constexpr Kernel kKernels[] = {{"maxsim", 2, 2, &bind_maxsim}};

}  // namespace

std::span<const Kernel> maxsim_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
