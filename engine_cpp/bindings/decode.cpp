// The decode pool as Python sees it. The threads of the pool never touch a Python object: what a batch reads
// and writes is kept alive here, by its ticket or, where that is dropped early, by the pool.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "block_arrays.h"
#include "stored_rows.h"
#include "tql_engine/decode_pool.h"
#include "tql_engine/encoded_rows.h"
#include "tql_engine/fixed_rows.h"
#include "tql_engine/image_program.h"
#include "tql_engine/status.h"
#include "tql_engine/types.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

using Clock = std::chrono::steady_clock;

/// An array for rows: [rows, ...row_shape], or of one row.
py::array empty(const py::dtype& dtype, std::optional<int64_t> rows, std::span<const int64_t> row_shape) {
  std::vector<py::ssize_t> shape;
  if (rows) shape.push_back(static_cast<py::ssize_t>(*rows));
  shape.insert(shape.end(), row_shape.begin(), row_shape.end());
  auto bytes = static_cast<size_t>(dtype.itemsize());
  for (const py::ssize_t extent : shape) bytes *= static_cast<size_t>(extent);  // checked with the rows
  return empty_array(dtype, std::move(shape), bytes);
}

/// Where the rows go: one array where all have one shape, else a list of them.
struct Results {
  py::object object;
  std::vector<uint8_t*> outputs;
};

/// `shapes`: [rows, rank].
Results make_results(const py::dtype& dtype, int64_t rows, std::span<const int64_t> shapes) {
  const size_t rank = rows == 0 ? 0 : shapes.size() / static_cast<size_t>(rows);
  const auto shape = [&](int64_t row) { return shapes.subspan(static_cast<size_t>(row) * rank, rank); };
  bool uniform = rows > 0;
  for (int64_t row = 1; row < rows && uniform; ++row) uniform = std::ranges::equal(shape(0), shape(row));
  Results results;
  results.outputs.resize(static_cast<size_t>(rows));
  if (uniform) {
    py::array array = empty(dtype, rows, shape(0));
    const int64_t row_bytes = array.nbytes() / rows;
    auto* const data = static_cast<uint8_t*>(array.mutable_data());
    for (int64_t row = 0; row < rows; ++row)
      results.outputs[static_cast<size_t>(row)] = data + row * row_bytes;
    results.object = std::move(array);
    return results;
  }
  py::list arrays;
  for (int64_t row = 0; row < rows; ++row) {
    py::array array = empty(dtype, std::nullopt, shape(row));
    results.outputs[static_cast<size_t>(row)] = static_cast<uint8_t*>(array.mutable_data());
    arrays.append(std::move(array));
  }
  results.object = std::move(arrays);
  return results;
}

/// What a batch reads and writes.
struct Memory {
  py::object rows;
  py::object result;
};

class Pool {
 public:
  explicit Pool(int threads) : pool_(threads) {}

  int threads() const noexcept { return pool_.threads(); }

  void submit(const std::shared_ptr<PoolBatch>& batch) {
    release_idle();
    pool_.submit(batch);
  }

  void close() {
    {
      const py::gil_scoped_release released;
      pool_.close();
    }
    release_idle();
  }

  void keep(std::shared_ptr<PoolBatch> batch, Memory memory) {
    abandoned_.emplace_back(std::move(batch), std::move(memory));
  }

 private:
  void release_idle() {
    // Moved out first: letting go of an object may run Python code that comes back here.
    std::vector<std::pair<std::shared_ptr<PoolBatch>, Memory>> candidates = std::exchange(abandoned_, {});
    for (auto& entry : candidates) {
      if (!entry.first->idle()) abandoned_.push_back(std::move(entry));
    }
  }

  std::vector<std::pair<std::shared_ptr<PoolBatch>, Memory>> abandoned_;
  DecodePool pool_;  // after what it uses: its threads end first
};

class Ticket {
 public:
  Ticket(std::shared_ptr<Pool> pool, std::shared_ptr<PoolBatch> batch, Memory memory)
      : pool_(std::move(pool)), batch_(std::move(batch)), memory_(std::move(memory)) {}

  ~Ticket() {
    batch_->cancel();
    if (!batch_->idle()) pool_->keep(batch_, std::move(memory_));
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  bool done() const noexcept { return batch_->done(); }

  py::object wait(std::optional<double> timeout) {
    constexpr auto kBetweenSignals = std::chrono::milliseconds(50);
    constexpr double kForever = 1e9;  // seconds
    const auto limit = std::chrono::duration<double>(std::clamp(timeout.value_or(kForever), 0.0, kForever));
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
    bool done = batch_->done();
    while (!done) {
      const auto left = std::max(end - Clock::now(), Clock::duration::zero());
      {
        const py::gil_scoped_release released;
        done = batch_->wait_for(std::min<Clock::duration>(left, kBetweenSignals));
      }
      if (done) break;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (Clock::now() >= end) {
        PyErr_SetString(PyExc_TimeoutError, "the rows are not decoded yet");
        throw py::error_already_set();
      }
    }
    if (batch_->idle()) memory_.rows = py::object();  // the result may be held for long
    batch_->check();
    return memory_.result;
  }

 private:
  std::shared_ptr<Pool> pool_;
  std::shared_ptr<PoolBatch> batch_;
  Memory memory_;
};

/// What the rows become by the program: float32 [channels, height, width], or uint8 with the axes of the
/// rows.
Results make_images(const EncodedRows& rows, const ImageProgram& program) {
  const bool floats = program.floats();
  std::vector<int64_t> shapes;
  for (int64_t row = 0; row < rows.size(); ++row) {
    try {
      const auto [height, width, channels] = program.shape_of(rows.image_shape(row));
      if (floats) {
        shapes.insert(shapes.end(), {channels, height, width});
      } else {
        shapes.insert(shapes.end(), {height, width});
        if (rows.rank() == 3 || channels != 1) shapes.push_back(channels);
      }
    } catch (const EngineError& error) {
      throw EngineError(error.code(), error.message(), row);
    }
  }
  return make_results(floats ? py::dtype::of<float>() : py::dtype::of<uint8_t>(), rows.size(), shapes);
}

std::unique_ptr<Ticket> start(const std::shared_ptr<Pool>& pool, const py::object& object, Results results,
                              std::optional<ImageWork> work) {
  const auto& stored = object.cast<const StoredRows&>();
  auto batch =
      std::make_shared<DecodeBatch>(stored.rows, std::move(results.outputs), std::move(work), stored.kept);
  auto ticket = std::make_unique<Ticket>(pool, batch, Memory{object, std::move(results.object)});
  pool->submit(batch);
  return ticket;
}

std::unique_ptr<Ticket> submit_fixed(const std::shared_ptr<Pool>& pool, const py::object& object) {
  const auto& stored = object.cast<const StoredFixedRows&>();
  py::array array = empty(stored.dtype, stored.rows->size(), stored.shape);
  auto batch = std::make_shared<GatherBatch>(stored.rows, static_cast<uint8_t*>(array.mutable_data()));
  auto ticket = std::make_unique<Ticket>(pool, batch, Memory{object, std::move(array)});
  pool->submit(batch);
  return ticket;
}

void check_codec(const EncodedRows& rows) {
  if (has_codec(rows.codec())) return;
  throw EngineError(Code::kValue, "this build has no " + std::string(codec_name(rows.codec())) + " codec");
}

std::unique_ptr<Ticket> submit(const std::shared_ptr<Pool>& pool, const py::object& object) {
  if (py::isinstance<StoredFixedRows>(object)) return submit_fixed(pool, object);
  const auto& stored = object.cast<const StoredRows&>();
  check_codec(stored.rows);
  if (stored.decoded) {
    const auto batch = std::make_shared<DecodeBatch>(stored.rows.take({}), std::vector<uint8_t*>());
    auto ticket =
        std::make_unique<Ticket>(pool, batch, Memory{object, std::exchange(stored.decoded, py::object())});
    pool->submit(batch);
    return ticket;
  }
  return start(pool, object, make_results(stored.dtype, stored.rows.size(), stored.rows.shapes()),
               std::nullopt);
}

std::unique_ptr<Ticket> submit_images(const std::shared_ptr<Pool>& pool, const py::object& object,
                                      const std::shared_ptr<ImageProgram>& program, uint64_t seed,
                                      uint64_t epoch, const Array<int64_t>& places) {
  const auto& stored = object.cast<const StoredRows&>();
  check_codec(stored.rows);
  if (!stored.dtype.equal(py::dtype::of<uint8_t>())) {
    throw py::value_error("images have dtype uint8, not " + py::str(stored.dtype).cast<std::string>());
  }
  const std::span<const int64_t> at = view(places, "places");
  if (static_cast<int64_t>(at.size()) != stored.rows.size()) {
    throw py::value_error("places must have one entry per row");
  }
  Results results = make_images(stored.rows, *program);
  return start(pool, object, std::move(results), ImageWork{program, seed, epoch, {at.begin(), at.end()}});
}

}  // namespace

void register_decode(py::module_& module) {
  py::class_<Ticket>(module, "DecodeTicket", "A batch being decoded.")
      .def("wait", &Ticket::wait, py::arg("timeout") = py::none())
      .def("done", &Ticket::done);
  py::class_<Pool, std::shared_ptr<Pool>>(module, "DecodePool", "Threads that decode rows into NumPy arrays.")
      .def(py::init<int>(), py::arg("threads") = 0)
      .def_property_readonly("threads", &Pool::threads)
      .def("submit", &submit, py::arg("rows"))
      .def("submit_images", &submit_images, py::arg("rows"), py::arg("program"), py::arg("seed"),
           py::arg("epoch"), py::arg("places"))
      .def("close", &Pool::close);
}

}  // namespace tql_engine::bindings
