// Entries of nested rows, whose type says nothing of whether they are lists themselves.
#pragma once

#include <string>

#include "tql_engine/source.h"

namespace tql_engine {

/// Throws EngineError(kInternal) if values are no entries of this type.
inline void check_entries(const Column& values, const std::string& name, Type type) {
  type.nested = values.layout() == Layout::kList;
  check_type(values, name, type);
}

}  // namespace tql_engine
