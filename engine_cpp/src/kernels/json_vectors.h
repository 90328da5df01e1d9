// Vectors of JSON documents as vectors of parsed items.
#pragma once

#include "../json/item.h"
#include "tql_engine/loops.h"

namespace tql_engine {

/// The documents of `x` parsed into `scratch`, in the same rows and shapes; those of a constant once. A row
/// whose one document is null or none is NULL; within arrays such documents stay, as null items.
const Vector& parse_documents(Frame& frame, const Vector& x, Register& scratch);

inline const json::Item* items_of(const Vector& parsed) noexcept { return parsed.data<json::Item>(); }

/// Element-wise from parsed documents; NULL stays NULL.
template <class Out, class F>
void for_each_item(Frame& frame, const Vector& parsed, Element element, Register& out, const F& function) {
  const UnaryLoop loop = [](const void* state, const void* x, int64_t step, void* to, int64_t n) {
    const F& apply = *static_cast<const F*>(state);
    const auto* items = static_cast<const json::Item*>(x);
    auto* results = static_cast<Out*>(to);
    for (int64_t i = 0; i < n; ++i) results[i] = apply(items[i * step]);
  };
  apply_unary(frame, loop, &function, parsed, element, out);
}

/// Refuses arguments that are not stored as text.
void check_documents(const BindContext& context);

}  // namespace tql_engine
