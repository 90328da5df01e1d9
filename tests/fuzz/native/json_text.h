// Plans as text: JSON, and the words that Python writes for floats that JSON lacks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tql_engine/value.h"

namespace tql_fuzz {

/// The value that a text says; nothing if it is no JSON or nested more than `kMaxDepth` deep.
std::optional<tql_engine::Value> read_json(std::string_view text);

std::string write_json(const tql_engine::Value& value);

inline constexpr int kMaxDepth = 400;

}  // namespace tql_fuzz
