// Truth per code becomes the cheapest loop over the codes that gives it: nothing at all, a comparison with
// one code, or a set.
#include "tql_engine/dictionary_mask.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "tql_engine/set.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;
constexpr size_t kMostKnown = 64;     // dictionaries
constexpr int64_t kLongestShare = 4;  // texts per row that are still worth it
constexpr int64_t kBatchRows = 2048;  // a whole number of words

int64_t words_of(int64_t n) noexcept { return (n + kWordBits - 1) / kWordBits; }

void fill_ones(int64_t n, uint64_t* words) {
  std::fill_n(words, n / kWordBits, ~uint64_t{0});
  if (n % kWordBits != 0) words[n / kWordBits] = ~uint64_t{0} >> (kWordBits - n % kWordBits);
}

class LeafTruth final : public TextTruth {
 public:
  explicit LeafTruth(MaskLeafPtr leaf) : leaf_(std::move(leaf)) {}
  void evaluate(const Column& texts, uint64_t* words) const override {
    leaf_->evaluate(texts, 0, texts.length(), words);
  }
  bool looks_at_null() const noexcept override { return false; }

 private:
  MaskLeafPtr leaf_;
};

class StepsTruth final : public TextTruth {
 public:
  StepsTruth(std::vector<TextStep> steps, size_t column, size_t columns)
      : steps_(std::move(steps)), column_(column), columns_(columns) {}

  void evaluate(const Column& texts, uint64_t* words) const override {
    Segment segment;
    segment.size = texts.length();
    segment.columns.resize(columns_);
    segment.columns[column_] = texts;
    std::vector<Register> registers(steps_.size());
    for (int64_t begin = 0; begin < texts.length(); begin += kBatchRows) {
      Frame frame;
      frame.batch = {&segment, begin, std::min(kBatchRows, texts.length() - begin), nullptr};
      run(frame, registers);
      mark(frame, registers.back().vector, words + begin / kWordBits);
    }
  }

  bool looks_at_null() const noexcept override { return true; }

 private:
  void run(Frame& frame, std::vector<Register>& registers) const {
    std::vector<const Vector*> args;
    for (size_t i = 0; i < steps_.size(); ++i) {
      args.clear();
      for (const int arg : steps_[i].args) args.push_back(&registers[static_cast<size_t>(arg)].vector);
      frame.span = steps_[i].span;
      steps_[i].operation->evaluate(frame, args, registers[i]);
    }
  }

  static void mark(Frame& frame, const Vector& result, uint64_t* words) {
    if (result.rank != 0 || result.element != Element::kBool) {
      frame.fail(Code::kInternal, "a condition gave no single bool per row");
    }
    std::fill_n(words, words_of(frame.size()), uint64_t{0});
    for (int64_t row = 0; row < frame.size(); ++row) {
      const bool holds = result.at<uint8_t>(row) != 0 && result.is_valid(row);
      words[row / kWordBits] |= uint64_t{holds} << (row % kWordBits);
    }
  }

  std::vector<TextStep> steps_;
  size_t column_;
  size_t columns_;
};

struct alignas(8) Code {
  std::array<std::byte, 8> bytes{};
};

std::shared_ptr<const void> code_operand(Element element, int64_t code) {
  auto operand = std::make_shared<Code>();
  const auto store = [&](auto narrow) { std::memcpy(operand->bytes.data(), &narrow, sizeof(narrow)); };
  if (element == Element::kInt8) store(static_cast<int8_t>(code));
  if (element == Element::kInt16) store(static_cast<int16_t>(code));
  if (element == Element::kInt32) store(static_cast<int32_t>(code));
  return operand;
}

bool is_null_true(const TextTruth& truth) {
  constexpr std::array<int64_t, 2> kOffsets{};
  const uint8_t is_null = 0;
  uint64_t word = 0;
  truth.evaluate(Column::text(kOffsets, {}, {&is_null, 1}, nullptr), &word);
  return word != 0;
}

}  // namespace

std::shared_ptr<const TextTruth> text_truth_of(MaskLeafPtr leaf) {
  return std::make_shared<LeafTruth>(std::move(leaf));
}

std::shared_ptr<const TextTruth> text_truth_of(std::vector<TextStep> steps, size_t column, size_t columns) {
  return std::make_shared<StepsTruth>(std::move(steps), column, columns);
}

std::shared_ptr<const DictionaryCondition::Known> DictionaryCondition::find(
    const Column& column) const noexcept {
  const std::lock_guard lock(mutex_);
  for (const auto& known : known_) {
    const auto& texts = column.shared_items();
    const bool same = !known->texts.owner_before(texts) && !texts.owner_before(known->texts);
    if (same && known->codes == column.code_element()) return known;
  }
  return nullptr;
}

std::shared_ptr<const DictionaryCondition::Known> DictionaryCondition::work_out(const Column& column) const {
  auto known = std::make_shared<Known>();
  known->texts = column.shared_items();
  known->codes = column.code_element();
  const Column& texts = column.items();
  const int64_t count = texts.length();
  std::vector<uint64_t> words(static_cast<size_t>(words_of(count)));
  std::vector<int64_t> codes;
  try {
    if (count > 0) truth_->evaluate(texts, words.data());
    if (truth_->looks_at_null()) known->of_null = is_null_true(*truth_);
  } catch (const EngineError&) {
    known->failed = true;
  }
  for (int64_t code = 0; code < count; ++code) {
    if ((words[static_cast<size_t>(code / kWordBits)] >> (code % kWordBits) & 1) != 0) codes.push_back(code);
  }
  const auto holding = std::ssize(codes);
  known->all = holding == count;
  if (holding == 1) {
    known->loop = compare_mask_loop(CompareOp::kEqual, known->codes);
    known->operand = code_operand(known->codes, codes.front());
  } else if (holding > 1 && holding < count) {
    SetLoops loops = code_set(known->codes, codes);
    known->loop = loops.mask;
    known->operand = std::move(loops.mask_operand);
  }
  return known;
}

bool DictionaryCondition::runs_on(const Column& column) const noexcept {
  if (column.layout() != Layout::kDictionary) return false;
  try {
    if (const auto known = find(column)) return !known->failed;
    if (column.items().length() > kLongestShare * column.length()) return false;
    const auto made = work_out(column);
    const std::lock_guard lock(mutex_);
    std::erase_if(known_, [](const auto& known) { return known->texts.expired(); });
    if (known_.size() >= kMostKnown) known_.erase(known_.begin());
    known_.push_back(made);
    return !made->failed;
  } catch (...) {  // without memory for it the rows are looked at one by one
    return false;
  }
}

void DictionaryCondition::evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const {
  auto known = find(column);
  if (known == nullptr) known = work_out(column);  // of more dictionaries at once than are kept
  if (known->loop != nullptr) {
    known->loop(column.raw_values() + first * element_size(known->codes), known->operand.get(), n, words);
  } else if (known->all) {
    fill_ones(n, words);
  } else {
    std::fill_n(words, words_of(n), uint64_t{0});
  }
  if (column.validity() == nullptr) return;
  keep_nonzero(column.validity() + first, n, words);
  if (!known->of_null) return;
  constexpr int64_t kBlock = 4096;
  std::array<uint64_t, kBlock / kWordBits> valid;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    mark_nonzero(column.validity() + first + begin, count, valid.data());
    for (int64_t i = 0; i < words_of(count); ++i) {
      uint64_t rows = ~uint64_t{0};
      if (count - i * kWordBits < kWordBits) rows >>= kWordBits - (count - i * kWordBits);
      words[begin / kWordBits + i] |= ~valid[static_cast<size_t>(i)] & rows;
    }
  }
}

}  // namespace tql_engine
