// Aggregates by group: a state per group, which takes the rows one by one.
#include "tql_engine/aggregate.h"

#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

#include "tql_engine/execution.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/ordering.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kBlockRows = 1 << 18;
constexpr int64_t kMostBlockedGroups = 1 << 12;  // whose states in a block cost little beside its rows
constexpr int64_t kInterval = 1 << 16;           // rows between two looks for interrupts

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
void add_rows(State* states, const Column& column, const int64_t* ids, int64_t begin, int64_t end) noexcept {
  const T* values = column.values<T>();
  if (column.validity() == nullptr) {
    for (int64_t row = begin; row < end; ++row) states[ids[row]].add(values[row]);
    return;
  }
  for (int64_t row = begin; row < end; ++row) {
    if (column.validity()[row] != 0) states[ids[row]].add(values[row]);
  }
}

template <class State, class T>
std::vector<State> states_of(Execution& execution, const Column& column, const int64_t* ids, int64_t groups) {
  const int64_t rows = column.length();
  const auto size = static_cast<size_t>(groups);
  std::vector<State> states(size);
  if (groups > kMostBlockedGroups || rows <= kBlockRows) {
    for (int64_t begin = 0; begin < rows; begin += kInterval) {
      execution.check_interrupt();
      add_rows<State, T>(states.data(), column, ids, begin, std::min(rows, begin + kInterval));
    }
    return states;
  }
  std::vector<State> partial(static_cast<size_t>((rows - 1) / kBlockRows + 1) * size);
  execution.parallel_for(rows, kBlockRows, [&](int64_t begin, int64_t end, int) {
    add_rows<State, T>(partial.data() + begin / kBlockRows * groups, column, ids, begin, end);
  });
  for (size_t i = 0; i < partial.size(); ++i) states[i % size].add(partial[i]);
  return states;
}

template <class R>
struct Scalars {
  HeapArray<R> values;
  std::vector<uint8_t> validity;
};

template <class State, class T>
Column aggregate(Execution& execution, Element result, const Column& column, const int64_t* ids,
                 int64_t groups) {
  using R = typename State::Result;
  const std::vector<State> states = states_of<State, T>(execution, column, ids, groups);
  auto scalars = std::make_shared<Scalars<R>>(Scalars<R>{HeapArray<R>(states.size()), {}});
  R* values = scalars->values.values().data();
  for (size_t group = 0; group < states.size(); ++group) {
    const bool has_value = states[group].has_value();
    values[group] = has_value ? states[group].value() : R{};
    if (has_value) continue;
    scalars->validity.resize(states.size(), 1);
    scalars->validity[group] = 0;
  }
  const std::span<const uint8_t> validity = scalars->validity;
  return Column::dense(result, values, groups * static_cast<int64_t>(sizeof(R)), groups, {}, validity,
                       scalars);
}

template <class T>
Column aggregate(Execution& execution, AggregateFunction function, Element result, const Column& column,
                 const int64_t* ids, int64_t groups) {
  switch (function) {
    case AggregateFunction::kSum:
      return aggregate<SumState<T>, T>(execution, result, column, ids, groups);
    case AggregateFunction::kAverage:
      return aggregate<AverageState<T>, T>(execution, result, column, ids, groups);
    case AggregateFunction::kMin:
      return aggregate<MinState<T>, T>(execution, result, column, ids, groups);
    case AggregateFunction::kMax:
      return aggregate<MaxState<T>, T>(execution, result, column, ids, groups);
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

Column aggregate_groups(Execution& execution, AggregateFunction function, const Column& values,
                        std::span<const int64_t> ids, int64_t groups) {
  const auto result = aggregate_result(function, values.element());
  if (!result || values.layout() != Layout::kDense || values.row_elements() != 1 ||
      values.length() != static_cast<int64_t>(ids.size())) {
    throw EngineError(Code::kInternal, "an aggregate takes one number per row");
  }
  const auto run = [&]<class T>(T) {
    return aggregate<T>(execution, function, *result, values, ids.data(), groups);
  };
  switch (values.element()) {
    case Element::kBool:
    case Element::kUint8:
      return run(uint8_t{});
    case Element::kInt8:
      return run(int8_t{});
    case Element::kInt16:
      return run(int16_t{});
    case Element::kInt32:
      return run(int32_t{});
    case Element::kInt64:
      return run(int64_t{});
    case Element::kUint16:
      return run(uint16_t{});
    case Element::kUint32:
      return run(uint32_t{});
    case Element::kUint64:
      return run(uint64_t{});
    case Element::kFloat32:
      return run(float{});
    case Element::kFloat64:
      return run(double{});
    case Element::kFloat16:
    case Element::kText:
      break;
  }
  __builtin_unreachable();
}

}  // namespace tql_engine
