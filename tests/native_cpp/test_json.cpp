// JSON documents and texts that somebody broke, each in memory of exactly its size: whatever is read beyond
// it ends the test under the address sanitizer.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "../../engine_cpp/src/json/item.h"
#include "../../engine_cpp/src/json/reader.h"
#include "../../engine_cpp/src/text/words.h"
#include "check.h"
#include "tql_engine/random.h"

namespace tql_test {
namespace {

using tql_engine::CompareOp;
using tql_engine::RandomStream;
using tql_engine::TextArena;
using tql_engine::WordReader;
using tql_engine::WordSet;
namespace json = tql_engine::json;

constexpr std::string_view kSeeds[] = {
    R"({"a": [1, -2.5e3, {"b\u00e9": "t\n\ud83d\ude00 x"}], "c": {"d": null, "e": true}, "a": -Infinity})",
    R"([[[[]]], "\"\\\/\b", 18446744073709551615, 1e400, false, {}, {"": {"": NaN}}])",
    R"("Straße ÄÖÜ 日本語 \ud800")",
};

std::string mutated(std::string text, const RandomStream& random, uint64_t number) {
  constexpr std::string_view kBytes = "{}[]\",:\\u0e-.nul \x80\xc3\xed\xf4\x01";
  const uint64_t changes = 1 + random.bits(number * 16) % 4;
  for (uint64_t change = 0; change < changes && !text.empty(); ++change) {
    const uint64_t bits = random.bits(number * 16 + change + 1);
    const size_t at = bits % text.size();
    const char byte = kBytes[(bits >> 40) % kBytes.size()];
    switch (bits >> 61) {
      case 0:
        text.erase(at, 1);
        break;
      case 1:
        text.resize(at);
        break;
      case 2:
      case 3:
        text.insert(at, 1, byte);
        break;
      default:
        text[at] = byte;
    }
  }
  return text;
}

void read_everything(std::string_view text) {
  TextArena texts;
  const json::Item item = json::parse_item(text, texts);
  const bool is_document = !json::document(text).empty();
  check(is_document || item.kind() == json::Kind::kNull);
  std::string spelled;
  json::append_canonical(item, spelled);
  if (item.is_composite()) {
    check(json::compare(CompareOp::kEqual, item, item));
    const json::Item again = json::parse_item(item.bytes(), texts);
    check(again.kind() == item.kind());
  }
  size_t entries = 0;
  const bool is_object = json::for_each_member(text, [&](const json::Key& key, std::string_view value) {
    const auto decoded = std::make_unique_for_overwrite<char[]>(key.raw.size());
    const char* end = json::unescape(key.raw, decoded.get());
    check(key.equals({decoded.get(), static_cast<size_t>(end - decoded.get())}));
    check(!json::document(value).empty());
    ++entries;
  });
  check(!is_object || is_document);
  const bool is_array = json::for_each_element(text, [&](std::string_view) { ++entries; });
  check(!is_array || is_document);
  WordReader reader(text);
  const WordSet words(text);
  for (std::string_view word; reader.next(word);) check(words.find(word) < words.size());
}

}  // namespace

void test_json() {
  const RandomStream random(7, 1);
  constexpr uint64_t kRounds = 20000;
  for (uint64_t round = 0; round < kRounds; ++round) {
    const std::string text = mutated(std::string(kSeeds[round % std::size(kSeeds)]), random, round);
    const auto exact = std::make_unique_for_overwrite<char[]>(text.size());
    std::copy(text.begin(), text.end(), exact.get());
    read_everything({exact.get(), text.size()});
  }
  for (const int depth : {json::kMaxDepth, json::kMaxDepth + 1}) {
    const auto levels = static_cast<size_t>(depth);
    const std::string deep = std::string(levels, '[') + std::string(levels, ']');
    check(json::document(deep).empty() == (depth > json::kMaxDepth));
    read_everything(deep);
  }
}

}  // namespace tql_test
