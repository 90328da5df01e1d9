// LIKE, substrings and sets of texts as leaves of mask programs.
#pragma once

#include <memory>
#include <string_view>

#include "like_pattern.h"
#include "text_set.h"
#include "tql_engine/mask_leaf.h"

namespace tql_engine {

/// Null for patterns without any text that could be looked for.
MaskLeafPtr like_leaf(const LikePattern& pattern);

/// The text is one of these.
MaskLeafPtr text_set_leaf(std::shared_ptr<const TextSet> set);

/// The text has this part.
MaskLeafPtr contains_text_leaf(std::string_view part);

}  // namespace tql_engine
