// Aggregates by group: a state per group, which takes the rows one by one.
#include "tql_engine/aggregate.h"

#include <algorithm>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tql_engine/counted_vector.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/ordering.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// Integers wrap around, so they are added unsigned.
template <class T>
struct SumState {
  using Result = T;
  using Memory = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;
  Memory sum = 0;

  void add(T value) noexcept { sum += static_cast<Memory>(value); }
  void add(const SumState& other) noexcept { sum += other.sum; }
  bool has_value() const noexcept { return true; }
  Result value() const noexcept { return static_cast<Result>(sum); }
};

template <class T>
struct AverageState {
  using Result = double;
  double sum = 0;
  int64_t count = 0;

  void add(T value) noexcept {
    sum += static_cast<double>(value);
    ++count;
  }
  void add(const AverageState& other) noexcept {
    sum += other.sum;
    count += other.count;
  }
  bool has_value() const noexcept { return count > 0; }
  Result value() const noexcept { return sum / static_cast<double>(count); }
};

/// NaN wins over every number.
template <class T, bool largest>
struct ExtremeState {
  using Result = T;
  T best{};
  bool found = false;

  void add(T value) noexcept {
    if (!found || ordering::is_nan(value) || (largest ? best < value : value < best)) best = value;
    found = true;
  }
  void add(const ExtremeState& other) noexcept {
    // A NaN of the earlier block stays: nothing compares with it.
    if (other.found && !(found && ordering::is_nan(best))) add(other.best);
  }
  bool has_value() const noexcept { return found; }
  Result value() const noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      if (ordering::is_nan(best)) return std::numeric_limits<T>::quiet_NaN();
    }
    return best;
  }
};

template <class T>
using MinState = ExtremeState<T, false>;
template <class T>
using MaxState = ExtremeState<T, true>;

template <class State, class T>
class States final : public AggregateStates {
 public:
  explicit States(const Column& column) : values_(column.values<T>()), valid_(column.validity()) {}

  void resize(size_t groups) override { states_.resize(groups); }
  void reset(size_t groups) override { states_.assign(groups, State{}); }

  void add(const uint32_t* groups, int64_t first, int64_t n) noexcept override {
    add_each(groups, n, [first](int64_t i) { return first + i; });
  }
  void add(const uint32_t* groups, const int64_t* rows, int64_t n) noexcept override {
    add_each(groups, n, [rows](int64_t i) { return rows[i]; });
  }

  void merge(const AggregateStates& later, const uint32_t* groups) noexcept override {
    const CountedVector<State>& others = static_cast<const States&>(later).states_;
    for (size_t i = 0; i < others.size(); ++i) states_[groups[i]].add(others[i]);
  }

  const CountedVector<State>& states() const noexcept { return states_; }

 private:
  template <class RowAt>
  void add_each(const uint32_t* groups, int64_t n, const RowAt& row_at) noexcept {
    State* states = states_.data();
    if (valid_ == nullptr) {
      for (int64_t i = 0; i < n; ++i) states[groups[i]].add(values_[row_at(i)]);
      return;
    }
    for (int64_t i = 0; i < n; ++i) {
      if (valid_[row_at(i)] != 0) states[groups[i]].add(values_[row_at(i)]);
    }
  }

  const T* values_;
  const uint8_t* valid_;
  CountedVector<State> states_;
};

template <class State, class T>
class ColumnAggregate final : public Aggregate {
  using Result = typename State::Result;

 public:
  ColumnAggregate(Element result, const Column& values) : result_(result), values_(values) {}

  std::unique_ptr<AggregateStates> states() const override {
    return std::make_unique<States<State, T>>(values_);
  }

  void reserve(int64_t groups) override {
    const auto size = static_cast<size_t>(groups);
    made_ = std::make_shared<Made>();
    made_->values = HeapArray<Result>(size);
    // Every group has a row, so there is a value unless that may be NULL.
    if (values_.validity() != nullptr) made_->valid = HeapArray<uint8_t>(size);
  }

  void write(const AggregateStates& states, const int64_t* groups) noexcept override {
    Result* values = made_->values.values().data();
    uint8_t* valid = made_->valid.values().data();
    for (const State& state : static_cast<const States<State, T>&>(states).states()) {
      const auto group = *groups++;
      values[group] = state.has_value() ? state.value() : Result{};
      if (valid != nullptr) valid[group] = state.has_value() ? 1 : 0;
    }
  }

  Column finish() override {
    const std::span<const Result> values = std::as_const(made_->values).values();
    std::span<const uint8_t> valid = std::as_const(made_->valid).values();
    if (std::all_of(valid.begin(), valid.end(), [](uint8_t v) { return v != 0; })) valid = {};
    return Column::dense(result_, values.data(), static_cast<int64_t>(values.size_bytes()),
                         static_cast<int64_t>(values.size()), {}, valid, std::move(made_));
  }

 private:
  struct Made {
    HeapArray<Result> values;
    HeapArray<uint8_t> valid;  // empty if there is no NULL
  };

  Element result_;
  Column values_;
  std::shared_ptr<Made> made_;
};

template <class T>
std::unique_ptr<Aggregate> make(AggregateFunction function, Element result, const Column& values) {
  switch (function) {
    case AggregateFunction::kSum:
      return std::make_unique<ColumnAggregate<SumState<T>, T>>(result, values);
    case AggregateFunction::kAverage:
      return std::make_unique<ColumnAggregate<AverageState<T>, T>>(result, values);
    case AggregateFunction::kMin:
      return std::make_unique<ColumnAggregate<MinState<T>, T>>(result, values);
    case AggregateFunction::kMax:
      return std::make_unique<ColumnAggregate<MaxState<T>, T>>(result, values);
  }
  __builtin_unreachable();
}

}  // namespace

std::optional<Element> aggregate_result(AggregateFunction function, Element element) noexcept {
  if (element == Element::kText || element == Element::kFloat16) return std::nullopt;
  if (function == AggregateFunction::kAverage) return Element::kFloat64;
  if (function == AggregateFunction::kSum && element == Element::kBool) return std::nullopt;
  return element;
}

std::unique_ptr<Aggregate> make_aggregate(AggregateFunction function, const Column& values) {
  const auto result = aggregate_result(function, values.element());
  if (!result || values.layout() != Layout::kDense || values.row_elements() != 1) {
    throw EngineError(Code::kInternal, "an aggregate takes one number per row");
  }
  const auto of = [&]<class T>(T) { return make<T>(function, *result, values); };
  switch (values.element()) {
    case Element::kBool:
    case Element::kUint8:
      return of(uint8_t{});
    case Element::kInt8:
      return of(int8_t{});
    case Element::kInt16:
      return of(int16_t{});
    case Element::kInt32:
      return of(int32_t{});
    case Element::kInt64:
      return of(int64_t{});
    case Element::kUint16:
      return of(uint16_t{});
    case Element::kUint32:
      return of(uint32_t{});
    case Element::kUint64:
      return of(uint64_t{});
    case Element::kFloat32:
      return of(float{});
    case Element::kFloat64:
      return of(double{});
    case Element::kFloat16:
    case Element::kText:
      break;
  }
  __builtin_unreachable();
}

}  // namespace tql_engine
