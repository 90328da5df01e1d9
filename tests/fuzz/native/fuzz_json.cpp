// Any bytes are a document or none: what the reader says holds of its parts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "../../../engine_cpp/src/json/item.h"
#include "../../../engine_cpp/src/json/reader.h"
#include "tql_engine/text_arena.h"

namespace json = tql_engine::json;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view document, int depth) {
  tql_engine::TextArena texts;
  const json::Item item = json::parse_item(document, texts);
  std::string canonical;
  json::append_canonical(item, canonical);
  if (item.kind() == json::Kind::kNull) return;
  if (item.is_number()) (void)item.as_double();
  if (depth > 3) return;
  json::for_each_element(document, [&](std::string_view part) {
    require(!json::document(part).empty());
    check(part, depth + 1);
  });
  json::for_each_member(document, [&](const json::Key& key, std::string_view part) {
    require(!json::document(part).empty());
    (void)key.equals("a");
    check(part, depth + 1);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::unique_ptr<char[]> exact(new char[size]);  // what is read beyond it is found
  std::copy(data, data + size, exact.get());
  const std::string_view document = json::document({exact.get(), size});
  if (!document.empty()) check(document, 0);
  return 0;
}
