// A question that a thread asks itself now and then while it runs loops: has somebody asked it to stop?
#pragma once

#include <functional>

namespace tql_engine {

/// While it lives, the thread that made it calls `poll` before each morsel that it takes in a loop of
/// whatever pool. What that throws ends the loop as if the morsel had thrown it. Made and destroyed on one
/// thread, the last one first.
class ScopedPoll {
 public:
  explicit ScopedPoll(const std::function<void()>& poll) noexcept;
  ~ScopedPoll();
  ScopedPoll(const ScopedPoll&) = delete;
  ScopedPoll& operator=(const ScopedPoll&) = delete;

 private:
  const std::function<void()>* before_;
};

}  // namespace tql_engine
