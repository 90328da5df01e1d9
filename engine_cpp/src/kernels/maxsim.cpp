// MAXSIM (late interaction): for each vector of the query its best cosine with a vector of the document,
// summed up. A zero vector has cosine 0 with everything; NaN goes through.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "best_products.h"
#include "halves.h"
#include "row_products.h"
#include "tql_engine/cast.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

/// The vectors of one query as doubles, with their lengths.
class QueryVectors {
 public:
  explicit QueryVectors(Element element) : element_(element), products_(row_products(Element::kFloat64)) {}

  void set(const Vector& x, int64_t row) {
    count = x.row_dims(row)[0];
    width = x.row_dims(row)[1];
    double* target = values_.reserve<double>(count * width);
    for_each_run(x, row, [&](const void* run, int64_t step, int64_t n) {
      convert(run, step, target, n);
      target += n;
    });
    auto* lengths = lengths_.reserve<double>(count);
    for (int64_t i = 0; i < count; ++i) {
      const void* vector = at(i);
      double square;
      products_(&vector, 1, at(i), width, &square, nullptr);
      lengths[i] = std::sqrt(square);
    }
  }

  const double* at(int64_t i) { return values_.reserve<double>(count * width) + i * width; }
  double length(int64_t i) { return lengths_.reserve<double>(count)[i]; }

  int64_t count = 0;
  int64_t width = 0;

 private:
  void convert(const void* run, int64_t step, double* target, int64_t n) const {
    if (element_ != Element::kFloat16)
      return cast_loop(element_, Element::kFloat64)(nullptr, run, step, target, n);
    const auto* halves = static_cast<const Half*>(run);
    for (int64_t i = 0; i < n; ++i) target[i] = half_to_float(halves[i * step]);
  }

  Element element_;
  RowProducts products_;
  Buffer values_;
  Buffer lengths_;
};

class MaxSim final : public Operation {
 public:
  explicit MaxSim(Element element)
      : element_(element),
        copy_(copy_loop(element)),
        best_(best_products(element == Element::kFloat16 ? Element::kFloat32 : element)) {}

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
    QueryVectors query(element_);
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
      if (!query_is_set) query.set(y, row);
      query_is_set = y.is_constant();
      result[row] = score(documents(x, row, out), x.row_dims(row)[0], query, out);
    }
  }

 private:
  /// The vectors of one row one behind the other, float16 as float32.
  const void* documents(const Vector& x, int64_t row, Register& out) const {
    const std::byte* values = x.row_values(row);
    if (!x.is_packed()) {
      const int64_t size = element_size(element_);
      std::byte* const start = out.scratch(0).values.reserve_bytes(x.row_elements(row), size);
      std::byte* target = start;
      for_each_run(x, row, [&](const void* run, int64_t step, int64_t n) {
        copy_(nullptr, run, step, target, n);
        target += n * size;
      });
      values = start;
    }
    if (element_ != Element::kFloat16) return values;
    const int64_t n = x.row_elements(row);
    auto* const widened = out.scratch(0).starts.reserve<float>(n);
    widen_halves(reinterpret_cast<const Half*>(values), n, widened);
    return widened;
  }

  double score(const void* table, int64_t count, QueryVectors& query, Register& out) const {
    auto* best = out.scratch(1).values.reserve<double>((1 + kProductRows) * query.count);
    std::fill_n(best, query.count, -std::numeric_limits<double>::infinity());
    best_({table, count, query.width, query.at(0), query.count, best + query.count}, best);
    double sum = 0;
    for (int64_t q = 0; q < query.count; ++q) {
      sum += query.length(q) == 0 ? best[q] * 0 : best[q] / query.length(q);
    }
    return std::isnan(sum) ? std::numeric_limits<double>::quiet_NaN() : sum;
  }

  Element element_;
  UnaryLoop copy_;
  BestProducts best_;
};

Bound bind_maxsim(const BindContext& context) {
  const Element element = context.args[0].element;
  if (!is_float(element)) refuse_argument(context, 0);
  if (context.args[1].element != element) refuse_argument(context, 1);
  return {std::make_unique<MaxSim>(element), Element::kFloat64};
}

constexpr Kernel kKernels[] = {{"maxsim", 2, 2, &bind_maxsim, true}};

}  // namespace

std::span<const Kernel> maxsim_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
