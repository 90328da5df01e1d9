// The reducers: each takes runs of elements, and rows that are one run each in a loop of its own.
#include "reducers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "tql_engine/loops.h"
#include "tql_engine/ordering.h"

namespace tql_engine {
namespace {

template <class T>
using Bits = std::conditional_t<
    std::is_floating_point_v<T>, T,
    std::conditional_t<sizeof(T) == 1, uint8_t,
                       std::conditional_t<sizeof(T) == 2, uint16_t,
                                          std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>>;

struct Any {
  using Result = uint8_t;
  using Memory = uint8_t;
  static constexpr Memory kStart = 0;
  template <class T>
  static void add(Memory& any, const T* values, int64_t step, int64_t n) noexcept {
    bool found = any != 0;
    for (int64_t i = 0; i < n; ++i) found |= values[i * step] != T{};
    any = static_cast<uint8_t>(found);
  }
};

struct All {
  using Result = uint8_t;
  using Memory = uint8_t;
  static constexpr Memory kStart = 1;
  template <class T>
  static void add(Memory& all, const T* values, int64_t step, int64_t n) noexcept {
    bool kept = all != 0;
    for (int64_t i = 0; i < n; ++i) kept &= values[i * step] != T{};
    all = static_cast<uint8_t>(kept);
  }
};

inline bool end_strict(ReducerState& state, int64_t count, void* out) {
  *static_cast<uint8_t*>(out) = static_cast<uint8_t>(count > 0 && state.as<uint8_t>() != 0);
  return true;
}

template <class R, class T>
void begin(ReducerState& state) {
  state.as<typename R::Memory>() = R::kStart;
}
template <class R, class T>
void add(ReducerState& state, const void* x, int64_t step, int64_t n) {
  auto& memory = state.as<typename R::Memory>();
  if (step == 1) {
    R::template add<T>(memory, static_cast<const T*>(x), 1, n);
  } else {
    R::template add<T>(memory, static_cast<const T*>(x), step, n);
  }
}
template <class R, class T>
bool end_plain(ReducerState& state, int64_t, void* out) {
  *static_cast<typename R::Result*>(out) = static_cast<typename R::Result>(state.as<typename R::Memory>());
  return true;
}

/// The rows of one reducer, whose steps are known here.
template <class R, class T, bool (*end)(ReducerState&, int64_t, void*), class Out>
bool each_row(const Vector& x, int64_t n, void* out, uint8_t* has_value) {
  auto* to = static_cast<Out*>(out);
  bool all = true;
  for (int64_t row = 0; row < n; ++row) {
    const int64_t count = x.row_elements(row);
    ReducerState state;
    state.as<typename R::Memory>() = R::kStart;
    add<R, T>(state, x.row_values(row), x.run_step != 0 ? x.run_step : *x.row_strides(row), count);
    const bool has = end(state, count, to + row);
    has_value[row] = static_cast<uint8_t>(has);
    all &= has;
  }
  return !all;
}

/// Integers wrap around, so they are added unsigned; float32 adds up in double.
template <class T>
struct Sum {
  using Result = T;
  using Memory = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;
  static constexpr Memory kStart = 0;
  template <class V>
  static void add(Memory& sum, const V* values, int64_t step, int64_t n) noexcept {
    // Four partial sums, so that one addition need not wait for the other.
    std::array<Memory, 4> part{};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
      for (int64_t lane = 0; lane < 4; ++lane) {
        part[static_cast<size_t>(lane)] += static_cast<Memory>(values[(i + lane) * step]);
      }
    }
    for (; i < n; ++i) part[0] += static_cast<Memory>(values[i * step]);
    sum += (part[0] + part[1]) + (part[2] + part[3]);
  }
};

template <class T>
struct Product {
  using Result = T;
  using Memory = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;
  static constexpr Memory kStart = 1;
  template <class V>
  static void add(Memory& product, const V* values, int64_t step, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) product *= static_cast<Memory>(values[i * step]);
  }
};

/// NaN wins over every number.
template <class T, bool largest>
struct Extreme {
  using Result = T;
  using Memory = T;
  static constexpr T kStart = largest ? (std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity()
                                                                     : std::numeric_limits<T>::lowest())
                                      : (std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity()
                                                                     : std::numeric_limits<T>::max());
  template <class V>
  static void add(Memory& best, const V* values, int64_t step, int64_t n) noexcept {
    bool nan = ordering::is_nan(best);
    for (int64_t i = 0; i < n; ++i) {
      const T value = values[i * step];
      best = (largest ? ordering::less(best, value) : ordering::less(value, best)) ? value : best;
      nan |= ordering::is_nan(value);
    }
    if constexpr (std::is_floating_point_v<T>) {
      if (nan) best = std::numeric_limits<T>::quiet_NaN();
    }
  }
};

template <class R, class T>
bool end_extreme(ReducerState& state, int64_t count, void* out) {
  *static_cast<T*>(out) = count > 0 ? state.as<T>() : T{};
  return count > 0;
}

/// Computes in double and takes any number, converted a block at a time.
struct Average : Sum<double> {};
inline bool end_average(ReducerState& state, int64_t count, void* out) {
  *static_cast<double*>(out) = count > 0 ? state.as<double>() / static_cast<double>(count) : 0;
  return count > 0;
}

void begin_count(ReducerState&) {}
void add_count(ReducerState&, const void*, int64_t, int64_t) {}
bool end_count(ReducerState&, int64_t count, void* out) {
  *static_cast<int64_t*>(out) = count;
  return true;
}

bool count_rows(const Vector& x, int64_t n, void* out, uint8_t* has_value) {
  for (int64_t row = 0; row < n; ++row) static_cast<int64_t*>(out)[row] = x.row_elements(row);
  std::fill_n(has_value, n, uint8_t{1});
  return false;
}

template <class R>
constexpr Reducers truth_table(bool (*end)(ReducerState&, int64_t, void*)) {
  return per_element([end]<Element E>() -> Reducer {
    if constexpr (E == Element::kFloat16 || E == Element::kText) {
      return {};
    } else {
      using T = Bits<Storage<E>>;
      return {&begin<R, T>, &add<R, T>, end};
    }
  });
}

template <template <class> class R>
constexpr Reducers wrapping_table() {
  return per_element([]<Element E>() -> Reducer {
    if constexpr (is_integer(E) || std::is_floating_point_v<Storage<E>>) {
      using T = Bits<Storage<E>>;
      return {&begin<R<T>, T>, &add<R<T>, T>, &end_plain<R<T>, T>,
              &each_row<R<T>, T, &end_plain<R<T>, T>, T>};
    } else {
      return {};
    }
  });
}

template <bool largest>
constexpr Reducers extreme_table() {
  return per_element([]<Element E>() -> Reducer {
    if constexpr (E == Element::kFloat16 || E == Element::kText) {
      return {};
    } else {
      using T = Storage<E>;
      using R = Extreme<T, largest>;
      return {&begin<R, T>, &add<R, T>, &end_extreme<R, T>, &each_row<R, T, &end_extreme<R, T>, T>};
    }
  });
}

template <class R, bool (*end)(ReducerState&, int64_t, void*)>
constexpr Reducer double_reducer() {
  return {&begin<R, double>, &add<R, double>, end, &each_row<R, double, end, double>};
}

}  // namespace

constinit const Reducers kAny = truth_table<Any>(&end_plain<Any, uint8_t>);
constinit const Reducers kAll = truth_table<All>(&end_plain<All, uint8_t>);
constinit const Reducers kAllStrict = truth_table<All>(&end_strict);
constinit const Reducers kSum = wrapping_table<Sum>();
constinit const Reducers kProduct = wrapping_table<Product>();
constinit const Reducers kMin = extreme_table<false>();
constinit const Reducers kMax = extreme_table<true>();

constinit const Reducer kAverage = double_reducer<Average, &end_average>();
constinit const Reducer kCount{&begin_count, &add_count, &end_count, &count_rows};

}  // namespace tql_engine
