// What can go wrong in the engine, as data. A user's mistake and our mistake differ in the code alone; the
// Python side turns each into an error with a span. No text of the standard library gets in here.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace tql_engine {

enum class Code : uint8_t { kRuntime, kShape, kValue, kType, kInternal, kCancelled };

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

}  // namespace tql_engine
