// Random numbers, weighted draws and random orders as Python sees them.
#include "tql_engine/sampling.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "signals.h"
#include "tql_engine/draws.h"
#include "tql_engine/random.h"
#include "tql_engine/selection.h"
#include "tql_engine/thread_pool.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

/// Seeds and streams of any size and sign, modulo 2^64.
uint64_t word_of(const py::int_& number) {
  const uint64_t word = PyLong_AsUnsignedLongLongMask(number.ptr());
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  return word;
}

InterruptiblePool pool_of(int threads) { return {ThreadPool::shared(threads), raise_pending_signal}; }

using Draw = HeapArray<int64_t> (*)(std::span<const double>, int64_t, RandomKey, InterruptiblePool);

template <Draw kDraw>
py::array_t<int64_t> sample(const Array<double>& weights, int64_t size, const py::int_& seed,
                            const py::int_& stream, int threads) {
  const std::span<const double> values = view(weights, "weights");
  const RandomKey key{word_of(seed), word_of(stream)};
  HeapArray<int64_t> rows;
  {
    const py::gil_scoped_release released;
    rows = kDraw(values, size, key, pool_of(threads));
  }
  return adopt(std::move(rows));
}

py::tuple survey(const Array<double>& weights, int threads) {
  const std::span<const double> values = view(weights, "weights");
  WeightSurvey found;
  {
    const py::gil_scoped_release released;
    found = survey_weights(values, pool_of(threads));
  }
  return py::make_tuple(found.positive, found.odd, found.infinite);
}

Selection draw(const Array<double>& weights, int64_t size, const py::int_& seed, const py::int_& stream,
               int threads) {
  const std::span<const double> values = view(weights, "weights");
  const RandomKey key{word_of(seed), word_of(stream)};
  const py::gil_scoped_release released;
  return Selection::from_draws(
      std::make_shared<const Draws>(draw_with_replacement(values, size, key, pool_of(threads))));
}

py::array_t<int64_t> order(int64_t n, const py::int_& seed, const py::int_& stream, int threads) {
  const RandomKey key{word_of(seed), word_of(stream)};
  HeapArray<int64_t> positions;
  {
    const py::gil_scoped_release released;
    positions = permutation(n, key, pool_of(threads));
  }
  return adopt(std::move(positions));
}

py::array_t<double> uniform(int64_t n, const py::int_& seed, const py::int_& stream) {
  if (n < 0) throw py::value_error("n must not be negative: " + std::to_string(n));
  const RandomStream random(word_of(seed), word_of(stream));
  HeapArray<double> numbers(static_cast<size_t>(n));
  {
    const py::gil_scoped_release released;
    random.fill_uniform(0, numbers.values());
  }
  return adopt(std::move(numbers));
}

}  // namespace

void register_sampling(py::module_& module) {
  module.def("sample_with_replacement", &sample<sample_with_replacement>, py::arg("weights"), py::arg("size"),
             py::kw_only(), py::arg("seed"), py::arg("stream") = 0, py::arg("threads") = 0);
  module.def("sample_without_replacement", &sample<sample_without_replacement>, py::arg("weights"),
             py::arg("size"), py::kw_only(), py::arg("seed"), py::arg("stream") = 0, py::arg("threads") = 0);
  module.def("draw_with_replacement", &draw, py::arg("weights"), py::arg("size"), py::kw_only(),
             py::arg("seed"), py::arg("stream") = 0, py::arg("threads") = 0);
  module.def("survey_weights", &survey, py::arg("weights"), py::kw_only(), py::arg("threads") = 0);
  module.def("permutation", &order, py::arg("n"), py::kw_only(), py::arg("seed"), py::arg("stream") = 0,
             py::arg("threads") = 0);
  module.def("uniform", &uniform, py::arg("n"), py::kw_only(), py::arg("seed"), py::arg("stream") = 0);
  module.def(
      "philox4x32",
      [](PhiloxCounter counter, PhiloxKey key) { return py::tuple(py::cast(philox4x32(counter, key))); },
      py::arg("counter"), py::arg("key"));
}

}  // namespace tql_engine::bindings
