// Parses the documents of a batch.
#include "json_vectors.h"

namespace tql_engine {
namespace {

void parse_loop(const void* state, const void* x, int64_t step, void* out, int64_t n) {
  auto& texts = *static_cast<TextArena*>(const_cast<void*>(state));  // the scratch register's own
  const auto* documents = static_cast<const std::string_view*>(x);
  auto* items = static_cast<json::Item*>(out);
  for (int64_t i = 0; i < n; ++i) items[i] = json::parse_item(documents[i * step], texts);
}

}  // namespace

const Vector& parse_documents(Frame& frame, const Vector& x, Register& scratch) {
  scratch.texts.clear();
  apply_unary(frame, &parse_loop, &scratch.texts, x, Element::kText, scratch);
  if (x.rank != 0) return scratch.vector;
  const int64_t rows = frame.size();
  const json::Item* items = items_of(scratch.vector);
  const int64_t step = scratch.vector.step;
  bool all_there = true;
  for (int64_t row = 0; row < rows; ++row) all_there &= items[row * step].kind() != json::Kind::kNull;
  if (all_there) return scratch.vector;
  uint8_t* valid = scratch.make_valid(rows);
  for (int64_t row = 0; row < rows; ++row) {
    valid[row] = static_cast<uint8_t>(x.is_valid(row) && items[row * step].kind() != json::Kind::kNull);
  }
  return scratch.vector;
}

void check_documents(const BindContext& context) {
  for (size_t i = 0; i < context.args.size(); ++i) {
    if (context.args[i].element != Element::kText) refuse_argument(context, i);
  }
}

}  // namespace tql_engine
