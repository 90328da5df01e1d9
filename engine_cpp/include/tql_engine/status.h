// What can go wrong in the engine, as data. A user's mistake and our mistake differ in the code alone; the
// Python side turns each into an error with a span. No text of the standard library gets in here.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace tql_engine {

enum class Code : uint8_t { kRuntime, kShape, kValue, kType, kMemory, kInternal, kCancelled };

/// The word that the Python side sees.
constexpr std::string_view code_name(Code code) noexcept {
  switch (code) {
    case Code::kRuntime:
      return "runtime";
    case Code::kShape:
      return "shape";
    case Code::kValue:
      return "value";
    case Code::kType:
      return "type";
    case Code::kMemory:
      return "memory";
    case Code::kInternal:
      return "internal";
    case Code::kCancelled:
      return "cancelled";
  }
  return "internal";
}

/// Characters [start, end) of the query text; (-1, -1) where none is known.
struct Span {
  int64_t start = -1;
  int64_t end = -1;
};

/// Thrown by whatever runs outside of a kernel's loop. Messages start in lower case, have no full stop, and
/// put values last.
class EngineError : public std::exception {
 public:
  EngineError(Code code, std::string message, int64_t row = -1, Span span = {})
      : code_(code), message_(std::move(message)), row_(row), span_(span) {}

  const char* what() const noexcept override { return message_.c_str(); }
  Code code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  /// The row to blame, -1 where there is none.
  int64_t row() const noexcept { return row_; }
  Span span() const noexcept { return span_; }

 private:
  Code code_;
  std::string message_;
  int64_t row_;
  Span span_;
};

/// An execution would hold more memory than its limit.
class MemoryLimitError : public EngineError {
 public:
  /// `needed`: what would be held, in bytes; the execution may need more than that.
  MemoryLimitError(int64_t needed, int64_t limit)
      : EngineError(Code::kMemory, "the memory limit is too small: at least " + std::to_string(needed) +
                                       " bytes needed, limit " + std::to_string(limit)),
        needed_(needed),
        limit_(limit) {}

  int64_t needed() const noexcept { return needed_; }
  int64_t limit() const noexcept { return limit_; }
  /// The node of the plan that ran, -1 where none is known.
  int64_t node() const noexcept { return node_; }
  /// The first that is blamed remains.
  void blame(int64_t node) noexcept { node_ = node_ < 0 ? node : node_; }

 private:
  int64_t needed_;
  int64_t limit_;
  int64_t node_ = -1;
};

}  // namespace tql_engine
