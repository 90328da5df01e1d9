// Constants and columns as operations that the program compiler can look into.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "tql_engine/constant.h"
#include "tql_engine/kernel.h"

namespace tql_engine {

/// The rows of a batch of a column that is not nested; the vector points into the column where it can.
void load_column(const Column& column, const Batch& batch, Register& out);

/// The column with the facet "flat".
Bound bind_flat_column(const BindContext& context);

class ConstantOperation final : public Operation {
 public:
  explicit ConstantOperation(Constant constant) : constant_(std::move(constant)) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
  const Constant& constant() const noexcept { return constant_; }

 private:
  Constant constant_;
};

class LoadColumn final : public Operation {
 public:
  explicit LoadColumn(size_t index) : index_(index) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
  /// Among the columns of the program's inputs.
  size_t index() const noexcept { return index_; }

 private:
  size_t index_;
};

}  // namespace tql_engine
