// Dictionary columns: texts by number. They are made of texts that repeat, and become plain again where a
// reader wants the bytes.
#include <algorithm>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

#include "buffers.h"
#include "tql_engine/column.h"

namespace tql_engine {
namespace {

using column_parts::Buffers;
using column_parts::bytes_of;
using column_parts::copy_bytes;
using column_parts::refuse;

constexpr int64_t kSampleRows = 1024;
constexpr int64_t kMostTexts = 1 << 16;  // of a dictionary that is made here
constexpr int64_t kRepeats = 4;          // rows per text, at least

template <class T>
void check_codes(const T* codes, int64_t length, int64_t texts, std::span<const uint8_t> validity) {
  for (int64_t row = 0; row < length; ++row) {
    const bool in_range = codes[row] >= 0 && int64_t{codes[row]} < texts;
    if (in_range || (!validity.empty() && validity[static_cast<size_t>(row)] == 0)) continue;
    refuse("code " + std::to_string(codes[row]) + " of row " + std::to_string(row) + " is outside of " +
           std::to_string(texts) + " texts");
  }
}

/// Numbers for texts in order of their first appearance.
class Numbering {
 public:
  int32_t of(std::string_view text) {
    const auto [found, is_new] = numbers_.try_emplace(text, static_cast<int32_t>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return found->second;
  }
  const std::vector<std::string_view>& texts() const noexcept { return texts_; }

 private:
  std::unordered_map<std::string_view, int32_t> numbers_;
  std::vector<std::string_view> texts_;
};

/// A look at some rows: texts that hardly repeat there hardly repeat at all.
bool seems_to_repeat(const Column& column) {
  const int64_t step = std::max<int64_t>(1, column.length() / kSampleRows);
  Numbering sample;
  int64_t seen = 0;
  for (int64_t row = 0; row < column.length(); row += step, ++seen) sample.of(column.text_at(row));
  return std::ssize(sample.texts()) * 2 <= seen;
}

template <class T>
void narrow_codes(const std::vector<int32_t>& codes, std::byte* to) {
  std::copy(codes.begin(), codes.end(), reinterpret_cast<T*>(to));
}

Column text_column(const std::vector<std::string_view>& texts) {
  auto buffers = std::make_shared<Buffers>();
  buffers->offsets.push_back(0);
  for (const std::string_view text : texts) {
    buffers->offsets.push_back(buffers->offsets.back() + static_cast<int64_t>(text.size()));
  }
  std::byte* target = buffers->allocate(buffers->offsets.back());
  for (const std::string_view text : texts) {
    copy_bytes(target, text.data(), static_cast<int64_t>(text.size()));
    target += text.size();
  }
  const auto* data = reinterpret_cast<const char*>(buffers->values.values().data());
  return Column::text(buffers->offsets, {data, static_cast<size_t>(buffers->offsets.back())}, {}, buffers);
}

}  // namespace

Column Column::dictionary(Element element, const void* codes, int64_t length, Column texts,
                          std::span<const uint8_t> validity, Owner owner) {
  if (texts.layout_ != Layout::kText) refuse("the texts of a dictionary must be a text column");
  if (texts.validity_ != nullptr) refuse("the texts of a dictionary must not be NULL");
  if (length < 0 || (!validity.empty() && static_cast<int64_t>(validity.size()) != length)) {
    refuse("validity has " + std::to_string(validity.size()) + " entries for " + std::to_string(length) +
           " rows");
  }
  switch (element) {
    case Element::kInt8:
      check_codes(static_cast<const int8_t*>(codes), length, texts.length_, validity);
      break;
    case Element::kInt16:
      check_codes(static_cast<const int16_t*>(codes), length, texts.length_, validity);
      break;
    case Element::kInt32:
      check_codes(static_cast<const int32_t*>(codes), length, texts.length_, validity);
      break;
    default:
      refuse("codes must be int8, int16 or int32, not " + std::string(element_name(element)));
  }
  Column column;
  column.element_ = Element::kText;
  column.code_element_ = element;
  column.layout_ = Layout::kDictionary;
  column.length_ = column.value_count_ = length;
  column.values_ = static_cast<const std::byte*>(codes);
  column.validity_ = validity.empty() ? nullptr : validity.data();
  column.items_ = std::make_shared<const Column>(std::move(texts));
  column.owner_ = std::move(owner);
  return column;
}

Column Column::codes() const {
  if (layout_ != Layout::kDictionary) refuse("only a dictionary has codes");
  Column column;
  column.element_ = code_element_;
  column.length_ = column.value_count_ = length_;
  column.values_ = values_;
  column.validity_ = validity_;
  column.owner_ = owner_;
  return column;
}

int64_t Column::code_at(int64_t row) const noexcept {
  switch (code_element_) {
    case Element::kInt8:
      return values<int8_t>()[row];
    case Element::kInt16:
      return values<int16_t>()[row];
    default:
      return values<int32_t>()[row];
  }
}

std::string_view Column::coded_text_at(int64_t row) const noexcept {
  const int64_t code = code_at(row);
  if (code < 0 || code >= items_->length_) return {};  // of a row that is NULL
  return items_->string_at(code);
}

Column Column::as_plain() const {
  if (layout_ != Layout::kDictionary) return *this;
  auto buffers = std::make_shared<Buffers>();
  buffers->offsets.resize(static_cast<size_t>(length_) + 1);
  int64_t total = 0;
  for (int64_t row = 0; row < length_; ++row) {
    buffers->offsets[static_cast<size_t>(row)] = total;
    if (is_null(row)) continue;
    if (__builtin_add_overflow(total, static_cast<int64_t>(coded_text_at(row).size()), &total))
      refuse("a column is too large");
  }
  buffers->offsets.back() = total;
  std::byte* target = buffers->allocate(bytes_of(total, 1));
  for (int64_t row = 0; row < length_; ++row) {
    if (is_null(row)) continue;
    const std::string_view text = coded_text_at(row);
    copy_bytes(target, text.data(), static_cast<int64_t>(text.size()));
    target += text.size();
  }
  if (validity_ != nullptr) buffers->validity.assign(validity_, validity_ + length_);
  const auto* data = reinterpret_cast<const char*>(buffers->values.values().data());
  return text(buffers->offsets, {data, static_cast<size_t>(total)}, buffers->validity, buffers);
}

std::optional<Column> Column::encode() const {
  if (layout_ != Layout::kText || length_ < kRepeats || !seems_to_repeat(*this)) return std::nullopt;
  const int64_t most = std::min(kMostTexts, length_ / kRepeats);
  Numbering numbering;
  std::vector<int32_t> codes(static_cast<size_t>(length_));
  for (int64_t row = 0; row < length_; ++row) {
    if (is_null(row)) continue;
    codes[static_cast<size_t>(row)] = numbering.of(text_at(row));
    if (std::ssize(numbering.texts()) > most) return std::nullopt;
  }
  const auto count = std::ssize(numbering.texts());
  const Element element = count <= std::numeric_limits<int8_t>::max() + 1    ? Element::kInt8
                          : count <= std::numeric_limits<int16_t>::max() + 1 ? Element::kInt16
                                                                             : Element::kInt32;
  auto buffers = std::make_shared<Buffers>();
  std::byte* target = buffers->allocate(bytes_of(length_, element_size(element)));
  if (element == Element::kInt8) narrow_codes<int8_t>(codes, target);
  if (element == Element::kInt16) narrow_codes<int16_t>(codes, target);
  if (element == Element::kInt32) narrow_codes<int32_t>(codes, target);
  if (validity_ != nullptr) buffers->validity.assign(validity_, validity_ + length_);
  return dictionary(element, target, length_, text_column(numbering.texts()), buffers->validity, buffers);
}

}  // namespace tql_engine
