// An error of the engine, and the node of the plan that ran.
#pragma once

#include <cstdint>

#include "tql_engine/status.h"

namespace tql_engine {

/// What an error that knows no place in the query is explained by: the clause that the node stands for.
class NodeError : public EngineError {
 public:
  NodeError(const EngineError& error, int64_t node) : EngineError(error), node_(node) {}

  int64_t node() const noexcept { return node_; }

 private:
  int64_t node_;
};

}  // namespace tql_engine
