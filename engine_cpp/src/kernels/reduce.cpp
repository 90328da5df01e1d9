// Reductions: the elements of a row, or of one axis, to one value. The walk over rows, axes and strides is
// written once, for all reducers; truth of elements that all lie one behind the other goes through bits.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "reducers.h"
#include "row_bits.h"
#include "tql_engine/cast.h"
#include "tql_engine/loops.h"
#include "tql_engine/mask.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

/// What becomes of the truth of a row's elements.
enum class Truths : uint8_t { kAny, kAll, kAllStrict };

/// Truth of rows whose elements all lie one behind the other: first the bits of the elements (for `all`, of
/// those that are false), then from them those of the rows.
class TruthOfRows {
 public:
  TruthOfRows(Truths kind, Element element)
      : kind_(kind),
        loop_(compare_mask_loop(kind == Truths::kAny ? CompareOp::kNotEqual : CompareOp::kEqual, element)) {}

  bool runs_on(const Vector& x) const noexcept {
    return loop_ != nullptr && x.rank > 0 && x.is_packed() && !x.is_constant();
  }

  void evaluate(const Vector& x, int64_t rows, Register& out) const {
    auto* starts = out.scratch(0).values.reserve<int64_t>(rows + 1);
    std::copy_n(x.starts, rows, starts);
    starts[rows] = rows == 0 ? 0 : x.starts[rows - 1] + x.row_elements(rows - 1);
    auto* words = out.scratch(1).values.reserve<uint64_t>((rows + 63) / 64);
    const int64_t size = element_size(x.element);
    const uint64_t zero = 0;
    any_of_rows({{starts, static_cast<size_t>(rows) + 1}, 0}, 0, 0, rows, words,
                [&](int64_t begin, int64_t count, uint64_t* bits) {
                  loop_(x.values + begin * size, &zero, count, bits);
                });
    auto* result = reinterpret_cast<uint8_t*>(out.make_scalars(Element::kBool, rows));
    const uint8_t flip = kind_ == Truths::kAny ? 0 : 1;
    for (int64_t row = 0; row < rows; ++row) {
      result[row] = static_cast<uint8_t>((words[row / 64] >> (row % 64) & 1) ^ flip);
    }
    for (int64_t row = 0; x.valid != nullptr && row < rows; ++row) {
      result[row] = static_cast<uint8_t>(result[row] & (x.valid[row] != 0));
    }
    if (kind_ != Truths::kAllStrict) return;
    for (int64_t row = 0; row < rows; ++row) {
      result[row] = static_cast<uint8_t>(result[row] & (starts[row] != starts[row + 1]));
    }
  }

 private:
  Truths kind_;
  MaskLoop loop_;
};

class Reduce final : public Operation {
 public:
  /// `convert` is what makes doubles of the elements first, or null.
  Reduce(Reducer reducer, Element element, UnaryLoop convert, std::optional<int> axis,
         std::optional<TruthOfRows> truth = std::nullopt)
      : reducer_(reducer),
        element_(element),
        convert_(convert),
        axis_(axis),
        truth_(truth),
        null_is_false_(truth.has_value()) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    if (axis_ && x.rank != 1) return reduce_axis(frame, x, out);
    check_axis(frame, x);
    if (truth_ && truth_->runs_on(x)) return truth_->evaluate(x, frame.size(), out);
    const bool is_run = x.rank == 1 || (x.rank > 1 && x.run_step != 0);
    if (reducer_.rows == nullptr || x.valid != nullptr || !is_run) return reduce_rows(frame, x, out);
    if (convert_ == nullptr) return reduce_runs(frame, x, out);
    if (!x.is_packed() || x.is_constant() || elements_of(x, frame.size()) > kMostConverted)
      return reduce_rows(frame, x, out);
    apply_unary(frame, convert_, nullptr, x, Element::kFloat64, out.scratch(0));
    reduce_runs(frame, out.scratch(0).vector, out);
  }

 private:
  static constexpr int64_t kMostConverted = 1 << 17;  // elements at once, so that they stay in the cache

  static int64_t elements_of(const Vector& x, int64_t rows) noexcept {
    return rows == 0 ? 0 : x.starts[rows - 1] + x.row_elements(rows - 1) - x.starts[0];
  }

  void reduce_runs(Frame& frame, const Vector& x, Register& out) const {
    std::byte* result = out.make_scalars(element_, frame.size());
    auto* has_value = out.valid.reserve<uint8_t>(frame.size());
    if (reducer_.rows(x, frame.size(), result, has_value)) out.vector.valid = has_value;
  }

  void check_axis(Frame& frame, const Vector& x) const {
    if (!axis_) return;
    const int axis = *axis_ < 0 ? *axis_ + x.rank : *axis_;
    if (axis >= 0 && axis < x.rank) return;
    frame.fail(Code::kShape,
               "an array of rank " + std::to_string(x.rank) + " has no axis " + std::to_string(*axis_));
  }

  void add(ReducerState& state, const Vector& x, const void* values, int64_t step, int64_t n) const {
    if (convert_ == nullptr) return reducer_.add(state, values, step, n);
    constexpr int64_t kBlock = 256;
    std::array<double, kBlock> block;
    const auto* from = static_cast<const std::byte*>(values);
    for (int64_t done = 0; done < n; done += kBlock) {
      const int64_t count = std::min(kBlock, n - done);
      convert_(nullptr, from + done * step * element_size(x.element), step, block.data(), count);
      reducer_.add(state, block.data(), 1, count);
    }
  }

  void reduce_rows(Frame& frame, const Vector& x, Register& out) const {
    const int64_t size = element_size(element_);
    std::byte* result = out.make_scalars(element_, frame.size());
    uint8_t* valid = nullptr;
    const auto set_null = [&](int64_t row) {
      if (null_is_false_) return;
      if (valid == nullptr) {
        valid = out.make_valid(frame.size());
        std::fill_n(valid, frame.size(), uint8_t{1});
      }
      valid[row] = 0;
    };
    for (int64_t row = 0; row < frame.size(); ++row) {
      if (!x.is_valid(row)) {
        std::memset(result + row * size, 0, static_cast<size_t>(size));
        set_null(row);
        continue;
      }
      ReducerState state;
      reducer_.begin(state);
      int64_t count = 0;
      for_each_run(x, row, [&](const void* values, int64_t step, int64_t n) {
        add(state, x, values, step, n);
        count += n;
      });
      if (!reducer_.end(state, count, result + row * size)) set_null(row);
    }
  }

  void reduce_axis(Frame& frame, const Vector& x, Register& out) const {
    const int64_t rows = frame.size();
    check_axis(frame, x);
    const int axis = *axis_ < 0 ? *axis_ + x.rank : *axis_;
    // The array with its axis left out; NULL that counts as false is a single false.
    const int rank = x.rank - 1;
    const auto parts = out.make_arrays(element_, rank, rows);
    uint8_t* valid = out.make_valid(rows);
    for (int64_t row = 0; row < rows; ++row) {
      int64_t* dims = parts.dims + row * rank;
      valid[row] = static_cast<uint8_t>(null_is_false_ || x.is_valid(row));
      if (!x.is_valid(row)) {
        std::fill_n(dims, rank, null_is_false_ ? int64_t{1} : int64_t{0});
        continue;
      }
      const int64_t* from = x.row_dims(row);
      for (int a = 0; a < rank; ++a) dims[a] = from[a < axis ? a : a + 1];
    }
    std::byte* result = out.pack(rows);
    const int64_t size = element_size(element_);
    for (int64_t row = 0; row < rows; ++row) {
      std::byte* target = result + out.vector.starts[row] * size;
      if (x.is_valid(row)) {
        if (!reduce_row_axis(x, row, axis, target)) valid[row] = 0;
      } else if (null_is_false_) {
        std::memset(target, 0, static_cast<size_t>(size));
      }
    }
  }

  /// Each run along `axis` of one row to one element of `target`, in C order of the other axes.
  bool reduce_row_axis(const Vector& x, int64_t row, int axis, std::byte* target) const {
    const int64_t* dims = x.row_dims(row);
    const int64_t* strides = x.row_strides(row);
    const int64_t x_size = element_size(x.element);
    int64_t outputs = 1;
    for (int a = 0; a < x.rank; ++a) outputs *= a == axis ? 1 : dims[a];
    std::array<int64_t, kMaxRank> index{};
    const std::byte* values = x.row_values(row);
    bool all_valid = true;
    for (int64_t i = 0; i < outputs; ++i, target += element_size(element_)) {
      ReducerState state;
      reducer_.begin(state);
      add(state, x, values, strides[axis], dims[axis]);
      all_valid &= reducer_.end(state, dims[axis], target);
      for (int a = x.rank - 1; a >= 0; --a) {
        if (a == axis) continue;
        values += strides[a] * x_size;
        if (++index[static_cast<size_t>(a)] < dims[a]) break;
        values -= strides[a] * dims[a] * x_size;
        index[static_cast<size_t>(a)] = 0;
      }
    }
    return all_valid;
  }

  Reducer reducer_;
  Element element_;
  UnaryLoop convert_;
  std::optional<int> axis_;
  std::optional<TruthOfRows> truth_;
  bool null_is_false_;
};

std::optional<int> parse_axis(const BindContext& context) {
  const auto found = context.members->find("axis");
  if (found == context.members->end() || found->second.is_null()) return std::nullopt;
  return static_cast<int>(as_int(found->second, "axis", -kMaxRank, kMaxRank - 1));
}

template <const Reducers& table>
Bound bind_reduce(const BindContext& context) {
  const Element from = context.args[0].element;
  const Reducer reducer = table[static_cast<size_t>(from)];
  if (reducer.add == nullptr) refuse_argument(context, 0);
  return {std::make_unique<Reduce>(reducer, from, nullptr, parse_axis(context)), from};
}

template <const Reducers& table, Truths kind>
Bound bind_truth(const BindContext& context) {
  const Element from = context.args[0].element;
  const Reducer reducer = table[static_cast<size_t>(from)];
  if (reducer.add == nullptr) refuse_argument(context, 0);
  return {std::make_unique<Reduce>(reducer, Element::kBool, nullptr, parse_axis(context),
                                   TruthOfRows(kind, from)),
          Element::kBool};
}

template <const Reducer& reducer>
Bound bind_double(const BindContext& context) {
  const Element from = context.args[0].element;
  const UnaryLoop convert = cast_loop(from, Element::kFloat64);
  if (convert == nullptr || from == Element::kText) refuse_argument(context, 0);
  return {
      std::make_unique<Reduce>(reducer, Element::kFloat64,
                               from == Element::kFloat64 ? copy_loop(from) : convert, parse_axis(context)),
      Element::kFloat64};
}

Bound bind_count(const BindContext& context) {
  return {std::make_unique<Reduce>(kCount, Element::kInt64, nullptr, parse_axis(context)), Element::kInt64};
}

constexpr Kernel kKernels[] = {
    {"any", 1, 1, &bind_truth<kAny, Truths::kAny>},
    {"all", 1, 1, &bind_truth<kAll, Truths::kAll>},
    {"all_strict", 1, 1, &bind_truth<kAllStrict, Truths::kAllStrict>},
    {"sum", 1, 1, &bind_reduce<kSum>},
    {"prod", 1, 1, &bind_reduce<kProduct>},
    {"amin", 1, 1, &bind_reduce<kMin>},
    {"amax", 1, 1, &bind_reduce<kMax>},
    {"avg", 1, 1, &bind_double<kAverage>},
    {"count", 1, 1, &bind_count, true},
};

}  // namespace

std::span<const Kernel> reduce_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
