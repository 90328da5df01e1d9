// Changes plans as trees, so that what comes out is a plan still, or nearly one.
#pragma once

#include <cstdint>

#include "tql_engine/value.h"

namespace tql_fuzz {

/// Changes one thing: drops, repeats or swaps a member or an item, or gives a leaf another value of its kind.
void mutate(tql_engine::Value& plan, uint32_t seed);

/// Puts a part of one plan where a like part of the other was.
void graft(tql_engine::Value& plan, const tql_engine::Value& other, uint32_t seed);

}  // namespace tql_fuzz
