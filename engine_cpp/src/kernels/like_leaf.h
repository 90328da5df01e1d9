// LIKE and substrings as leaves of mask programs.
#pragma once

#include <string_view>

#include "like_pattern.h"
#include "tql_engine/mask_leaf.h"

namespace tql_engine {

/// Null for patterns with something else than texts between their runs.
MaskLeafPtr like_leaf(const LikePattern& pattern);

/// The text has this part.
MaskLeafPtr contains_text_leaf(std::string_view part);

}  // namespace tql_engine
