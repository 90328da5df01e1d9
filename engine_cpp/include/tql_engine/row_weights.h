// The weights of drawn rows.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <utility>

#include "tql_engine/heap_array.h"

namespace tql_engine {

/// One weight per row, worked out when somebody asks for it. Safe to share between threads.
class RowWeights {
 public:
  using Make = std::function<HeapArray<double>()>;

  explicit RowWeights(HeapArray<double> values) : size_(values.values().size()), values_(std::move(values)) {}
  /// `make` gives `size` weights; it is called once.
  RowWeights(size_t size, Make make) : size_(size), make_(std::move(make)) {}

  size_t size() const noexcept { return size_; }
  std::span<const double> values() const {
    if (make_) std::call_once(made_, [this] { values_ = make_(); });
    return std::as_const(values_).values();
  }

 private:
  size_t size_;
  Make make_;
  mutable std::once_flag made_;
  mutable HeapArray<double> values_;
};

}  // namespace tql_engine
