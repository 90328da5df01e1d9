// Where the rows of a column begin among its bytes, strings or items: 32 or 64 bits each, as they came.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tql_engine {

/// A view of ascending numbers, one more than there are rows. Texts come with 32 bits where they have less
/// than 2^31 bytes, which halves what a scan of short ones reads. A loop over many of them takes them by
/// visit(), so that the width is decided once.
class Offsets {
 public:
  Offsets() = default;
  Offsets(const int64_t* values, size_t size) noexcept : values_(values), size_(size) {}
  Offsets(const int32_t* values, size_t size) noexcept : values_(values), size_(size), is_narrow_(true) {}
  template <class Values>
    requires std::constructible_from<std::span<const int64_t>, const Values&>
  Offsets(const Values& values) noexcept : Offsets(std::data(values), std::size(values)) {}

  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  bool is_narrow() const noexcept { return is_narrow_; }
  /// Bytes of one offset.
  int64_t width() const noexcept { return is_narrow_ ? sizeof(int32_t) : sizeof(int64_t); }
  const void* data() const noexcept { return values_; }

  int64_t operator[](size_t i) const noexcept {
    return is_narrow_ ? static_cast<const int32_t*>(values_)[i] : static_cast<const int64_t*>(values_)[i];
  }
  int64_t front() const noexcept { return (*this)[0]; }
  int64_t back() const noexcept { return (*this)[size_ - 1]; }

  Offsets subspan(size_t first, size_t count) const noexcept {
    if (is_narrow_) return {static_cast<const int32_t*>(values_) + first, count};
    return {static_cast<const int64_t*>(values_) + first, count};
  }

  /// Calls f(const int32_t*) or f(const int64_t*).
  template <class F>
  auto visit(const F& f) const {
    return is_narrow_ ? f(static_cast<const int32_t*>(values_)) : f(static_cast<const int64_t*>(values_));
  }

 private:
  const void* values_ = nullptr;
  size_t size_ = 0;
  bool is_narrow_ = false;
};

}  // namespace tql_engine
