// Subscripts by the rules of Python: x[i], x[a:b:s], x[i, a:b]. A slice is a view over the same memory. An
// index out of range makes the row NULL.
#include "tql_engine/subscript.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "slices.h"
#include "tql_engine/integers.h"
#include "tql_engine/leaf.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

class Subscript final : public SubscriptOperation {
 public:
  Subscript(std::vector<SubscriptItem> items, std::vector<IntegerReader> readers)
      : items_(std::move(items)), readers_(std::move(readers)) {
    for (const SubscriptItem& item : items_) indices_ += item.is_index ? 1 : 0;
  }

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    bool constant = true;
    for (size_t i = 1; i < args.size(); ++i) {
      if (args[i]->rank != 0) frame.fail(Code::kInternal, "an array where an index was planned");
      constant = constant && args[i]->is_constant() && args[i]->valid == nullptr;
    }
    if (static_cast<int>(items_.size()) > x.rank) {
      frame.fail(Code::kShape,
                 std::to_string(items_.size()) + " subscripts for an array of rank " + std::to_string(x.rank),
                 0);
    }
    if (constant && x.rank == 1 && indices_ == 1 && x.strides_step == 0 && !x.is_constant() &&
        frame.size() > 0)
      return pick(readers_[1](args[1]->row_values(0)), frame.size(), x, out);
    const bool uniform = constant && x.dims_step == 0 && x.strides_step == 0 && frame.size() > 0;
    if (uniform && x.is_packed() && x.rank == indices_ && x.valid == nullptr) {
      int64_t offset = 0;
      if (resolve(frame, args, 0, offset, nullptr, nullptr)) {  // the same element of rows of one size
        out.vector = {.element = x.element,
                      .values = x.row_values(0) + offset * element_size(x.element),
                      .step = x.is_constant() ? 0 : x.row_elements(0)};
        return;
      }
    }
    slice(frame, args, uniform, out);
    if (x.rank - indices_ == 0) load_elements(frame.size(), x, out);
  }

  std::optional<int64_t> last_axis_index(int rank,
                                         std::span<const Operation* const> args) const noexcept override {
    if (static_cast<int>(items_.size()) != rank || !items_.back().is_index) return std::nullopt;
    const bool whole = std::all_of(items_.begin(), items_.end() - 1, [](const SubscriptItem& item) {
      return !item.is_index && item.start == kAbsent && item.stop == kAbsent && item.step == kAbsent;
    });
    const auto place = static_cast<size_t>(items_.back().start);
    const auto* constant = dynamic_cast<const ConstantOperation*>(args[place]);
    if (!whole || constant == nullptr || constant->constant().rank() != 0) return std::nullopt;
    return readers_[place](constant->constant().values());
  }

 private:
  /// x[index] of lists of any length.
  static void pick(int64_t index, int64_t rows, const Vector& x, Register& out) {
    auto* starts = out.starts.reserve<int64_t>(rows);
    auto* valid = out.valid.reserve<uint8_t>(rows);
    const int64_t stride = *x.strides;
    bool all = true;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t extent = *x.row_dims(row);
      const int64_t at = index < 0 ? index + extent : index;
      const bool has = at >= 0 && at < extent && x.is_valid(row);
      valid[row] = static_cast<uint8_t>(has);
      starts[row] = has ? x.starts[row] + at * stride : 0;
      all &= has;
    }
    out.vector = Vector{};
    out.vector.starts = starts;
    out.vector.valid = all ? nullptr : valid;
    load_elements(rows, x, out);
  }

  /// Sets starts, dims, strides and validity of the result; its values are those of x.
  void slice(Frame& frame, std::span<const Vector* const> args, bool uniform, Register& out) const {
    const Vector& x = *args[0];
    const int rank = x.rank - indices_;
    const int64_t rows = frame.size();
    const int64_t shapes = uniform ? 1 : rows;
    auto* starts = out.starts.reserve<int64_t>(rows);
    auto* dims = out.dims.reserve<int64_t>(shapes * rank);
    auto* strides = out.strides.reserve<int64_t>(shapes * rank);
    const uint8_t* valid = x.valid;
    const auto set_null = [&](int64_t row) {
      if (valid == nullptr || valid == x.valid) {
        auto* made = out.valid.reserve<uint8_t>(rows);
        for (int64_t i = 0; i < rows; ++i) made[i] = static_cast<uint8_t>(x.is_valid(i));
        valid = made;
      }
      out.valid.reserve<uint8_t>(rows)[row] = 0;
    };
    int64_t offset = 0;
    bool in_range = true;
    for (int64_t row = 0; row < rows; ++row) {
      if (row == 0 || !uniform) {
        const int64_t at = uniform ? 0 : row * rank;
        in_range =
            x.is_valid(row) || uniform ? resolve(frame, args, row, offset, dims + at, strides + at) : false;
        if (!in_range) {
          offset = 0;
          std::fill_n(dims + at, rank, int64_t{0});
          std::fill_n(strides + at, rank, int64_t{0});
        }
      }
      if (!in_range) set_null(row);
      starts[row] = x.starts[row * x.starts_step] + offset;
    }
    out.vector = Vector{};
    out.vector.element = x.element;
    out.vector.rank = rank;
    out.vector.values = x.values;
    out.vector.starts = starts;
    out.vector.dims = dims;
    out.vector.dims_step = uniform ? 0 : rank;
    out.vector.strides = strides;
    out.vector.strides_step = uniform ? 0 : rank;
    out.vector.valid = valid;
    if (rank == 1) out.vector.run_step = run_step_of(out.vector, rows);
  }

  /// The distance of the elements of all rows, if there is one for all, as in x[:, i].
  static int64_t run_step_of(const Vector& rows, int64_t count) noexcept {
    int64_t step = 0;
    for (int64_t row = 0; row < count; ++row) {
      const int64_t elements = *rows.row_dims(row);
      if (elements > 1 && step == 0) step = *rows.row_strides(row);
      if (elements > 1 && *rows.row_strides(row) != step) return 0;
    }
    for (int64_t row = 1; row < count; ++row) {
      const int64_t before = *rows.row_dims(row - 1);
      if (step == 0 && before > 0) step = rows.starts[row] - rows.starts[row - 1];
      if (rows.starts[row] != rows.starts[row - 1] + before * step) return 0;
    }
    return step;
  }

  /// The view of one row. False if an index is out of range or NULL.
  bool resolve(Frame& frame, std::span<const Vector* const> args, int64_t row, int64_t& offset, int64_t* dims,
               int64_t* strides) const {
    const Vector& x = *args[0];
    const int64_t* from_dims = x.row_dims(row);
    const int64_t* from_strides = x.row_strides(row);
    offset = 0;
    std::array<int64_t, 3> given{};
    for (size_t axis = 0; axis < items_.size(); ++axis) {
      const SubscriptItem& item = items_[axis];
      const int64_t extent = from_dims[axis];
      const int64_t stride = from_strides[axis];
      const std::array<int, 3> places = {item.start, item.stop, item.step};
      for (size_t i = 0; i < places.size(); ++i) {
        if (places[i] == kAbsent) continue;
        const auto place = static_cast<size_t>(places[i]);
        if (!args[place]->is_valid(row)) return false;
        given[i] = readers_[place](args[place]->row_values(row));
      }
      if (item.is_index) {
        const int64_t index = given[0] < 0 ? given[0] + extent : given[0];
        if (index < 0 || index >= extent) return false;
        offset += index * stride;
        continue;
      }
      // The smallest step has no negation; it selects what its neighbour does.
      const int64_t step =
          item.step == kAbsent ? 1 : std::max(given[2], -std::numeric_limits<int64_t>::max());
      if (step == 0) frame.fail(Code::kValue, "the step of a slice is zero", row);
      const SliceRange range = clip_slice(item.start == kAbsent ? nullptr : &given[0],
                                          item.stop == kAbsent ? nullptr : &given[1], step, extent);
      if (range.length > 0) offset += range.start * stride;
      *dims++ = range.length;
      *strides++ = range.length > 1 ? stride * step : 1;
    }
    for (int axis = static_cast<int>(items_.size()); axis < x.rank; ++axis) {
      *dims++ = from_dims[axis];
      *strides++ = from_strides[axis];
    }
    return true;
  }

  /// Every axis is gone: one element per row.
  static void load_elements(int64_t rows, const Vector& x, Register& out) {
    const int64_t* starts = out.vector.starts;
    const uint8_t* valid = out.vector.valid;
    const int64_t size = element_size(x.element);
    const UnaryLoop copy = copy_loop(x.element);
    std::byte* values = out.make_scalars(x.element, rows);
    out.vector.valid = valid;
    const auto load = [&]<class Word>(Word) {
      auto* to = reinterpret_cast<Word*>(values);
      const auto* from = reinterpret_cast<const Word*>(x.values);
      if (valid == nullptr) {
        for (int64_t row = 0; row < rows; ++row) to[row] = from[starts[row]];
      } else {
        for (int64_t row = 0; row < rows; ++row) to[row] = valid[row] != 0 ? from[starts[row]] : Word{0};
      }
    };
    if (size == 1) return load(uint8_t{});
    if (size == 2) return load(uint16_t{});
    if (size == 4) return load(uint32_t{});
    if (size == 8) return load(uint64_t{});
    for (int64_t row = 0; row < rows; ++row) {
      if (valid != nullptr && valid[row] == 0) {
        std::fill_n(values + row * size, size, std::byte{0});
      } else {
        copy(nullptr, x.values + starts[row] * size, 1, values + row * size, 1);
      }
    }
  }

  std::vector<SubscriptItem> items_;
  std::vector<IntegerReader> readers_;  // per argument; null for the array itself
  int indices_ = 0;
};

Bound bind_subscript(const BindContext& context) {
  std::vector<IntegerReader> readers(1, nullptr);
  for (size_t i = 1; i < context.args.size(); ++i) {
    readers.push_back(integer_reader(context.args[i].element));
    if (readers.back() == nullptr) refuse_argument(context, i);
  }
  std::vector<SubscriptItem> items;
  int next = 1;
  for (const Value& value : as_list(member(*context.members, "items"), "items")) {
    items.push_back(parse_subscript_item(as_dict(value, "items"), next));
  }
  if (next != static_cast<int>(context.args.size()) || items.empty() || items.size() > kMaxRank) {
    throw EngineError(Code::kInternal, "'items' do not go with the arguments");
  }
  return {std::make_unique<Subscript>(std::move(items), std::move(readers)), context.args[0].element};
}

template <Element E>
int64_t read_integer(const void* value) noexcept {
  const auto number = *static_cast<const Storage<E>*>(value);
  if constexpr (E == Element::kUint64) {
    return static_cast<int64_t>(std::min<uint64_t>(number, std::numeric_limits<int64_t>::max()));
  } else {
    return static_cast<int64_t>(number);
  }
}

constexpr auto kReaders = per_element([]<Element E>() -> IntegerReader {
  if constexpr (is_integer(E)) {
    return &read_integer<E>;
  } else {
    return nullptr;
  }
});

constexpr Kernel kKernels[] = {{"subscript", 1, kAnyNumber, &bind_subscript, true}};

}  // namespace

SubscriptItem parse_subscript_item(const Dict& dict, int& next) {
  SubscriptItem item{dict.contains("index"), kAbsent, kAbsent, kAbsent};
  if (item.is_index) {
    item.start = next++;
    return item;
  }
  const List& given = as_list(member(dict, "slice"), "slice");
  if (given.size() != 3) throw EngineError(Code::kInternal, "'slice' must have three entries");
  if (as_bool(given[0], "slice")) item.start = next++;
  if (as_bool(given[1], "slice")) item.stop = next++;
  if (as_bool(given[2], "slice")) item.step = next++;
  return item;
}

SliceRange clip_slice(const int64_t* start, const int64_t* stop, int64_t step, int64_t extent) noexcept {
  const int64_t lower = step > 0 ? 0 : -1;
  const int64_t upper = step > 0 ? extent : extent - 1;
  const auto bound = [&](const int64_t* given, int64_t otherwise) {
    if (given == nullptr) return otherwise;
    return std::clamp(*given < 0 ? *given + extent : *given, lower, upper);
  };
  const int64_t first = bound(start, step > 0 ? lower : upper);
  const int64_t end = bound(stop, step > 0 ? upper : lower);
  if (step > 0) return {first, end > first ? (end - first - 1) / step + 1 : 0};
  return {first, first > end ? (first - end - 1) / -step + 1 : 0};
}

IntegerReader integer_reader(Element element) noexcept { return kReaders[static_cast<size_t>(element)]; }

std::span<const Kernel> subscript_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
