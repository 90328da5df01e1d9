// The first of two values that is not NULL.
#include <algorithm>
#include <cstring>
#include <memory>

#include "tql_engine/loops.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

class Coalesce final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& x = *args[0];
    const Vector& y = *args[1];
    if (x.valid == nullptr) {
      out.vector = x;
      return;
    }
    if (x.rank != y.rank) {
      frame.fail(Code::kShape, "two values of one rank are needed, here are " + std::to_string(x.rank) +
                                   " and " + std::to_string(y.rank));
    }
    const int64_t rows = frame.size();
    if (x.rank == 0) {
      choose_scalars(x, y, rows, out);
    } else {
      choose_arrays(x, y, rows, out);
    }
    if (y.valid == nullptr) return;
    uint8_t* valid = out.make_valid(rows);
    for (int64_t row = 0; row < rows; ++row) valid[row] = x.valid[row] | y.valid[row];
  }

 private:
  static void choose_scalars(const Vector& x, const Vector& y, int64_t rows, Register& out) {
    const auto size = static_cast<size_t>(element_size(x.element));
    std::byte* target = out.make_scalars(x.element, rows);
    for (int64_t row = 0; row < rows; ++row, target += size) {
      std::memcpy(target, (x.valid[row] != 0 ? x : y).row_values(row), size);
    }
  }

  static void choose_arrays(const Vector& x, const Vector& y, int64_t rows, Register& out) {
    const auto parts = out.make_arrays(x.element, x.rank, rows);
    for (int64_t row = 0; row < rows; ++row) {
      const Vector& chosen = x.valid[row] != 0 ? x : y;
      int64_t* dims = parts.dims + row * x.rank;
      if (chosen.is_valid(row)) {
        std::copy_n(chosen.row_dims(row), x.rank, dims);
      } else {
        std::fill_n(dims, x.rank, int64_t{0});
      }
    }
    std::byte* target = out.pack(rows);
    const UnaryLoop copy = copy_loop(x.element);
    const int64_t size = element_size(x.element);
    for (int64_t row = 0; row < rows; ++row) {
      const Vector& chosen = x.valid[row] != 0 ? x : y;
      if (!chosen.is_valid(row)) continue;
      for_each_run(chosen, row, [&](const void* values, int64_t step, int64_t n) {
        copy(nullptr, values, step, target, n);
        target += n * size;
      });
    }
  }
};

Bound bind_coalesce(const BindContext& context) {
  if (context.args[0].element != context.args[1].element) refuse_argument(context, 1);
  return {std::make_unique<Coalesce>(), context.args[0].element};
}

constexpr Kernel kKernels[] = {{"coalesce", 2, 2, &bind_coalesce, true}};

}  // namespace

std::span<const Kernel> coalesce_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
