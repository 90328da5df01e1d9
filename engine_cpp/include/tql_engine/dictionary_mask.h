// Conditions on one text, worked out once per value of a dictionary: over the rows they are conditions on
// integers.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/kernel.h"
#include "tql_engine/mask.h"
#include "tql_engine/mask_leaf.h"

namespace tql_engine {

/// A condition on texts, in whatever form it has.
class TextTruth {
 public:
  TextTruth() = default;
  TextTruth(const TextTruth&) = delete;
  TextTruth& operator=(const TextTruth&) = delete;
  virtual ~TextTruth() = default;
  /// Bit i of `words` becomes the truth of row i of a text column.
  virtual void evaluate(const Column& texts, uint64_t* words) const = 0;
  /// Whether a NULL row may make it true, so that it has to be asked.
  virtual bool looks_at_null() const noexcept = 0;
};

/// The leaf over a column of texts.
std::shared_ptr<const TextTruth> text_truth_of(MaskLeafPtr leaf);

/// One step of an expression over a single column; the operations belong to the program.
struct TextStep {
  const Operation* operation;
  std::vector<int> args;  // among the steps
  Span span;
};

/// The expression whose result is the last step, over column `column` of `columns`.
std::shared_ptr<const TextTruth> text_truth_of(std::vector<TextStep> steps, size_t column, size_t columns);

/// The condition over dictionary columns. What was worked out for a dictionary is kept as long as that lives.
class DictionaryCondition {
 public:
  explicit DictionaryCondition(std::shared_ptr<const TextTruth> truth) : truth_(std::move(truth)) {}

  /// Works it out for the dictionary of this column, unless that is known. False if it has none, if the
  /// dictionary is much longer than the column, or if some text of it, which no row need have, ends in an
  /// error.
  bool runs_on(const Column& column) const noexcept;
  /// Bit i of `words` becomes the truth for row `first` + i, NULL or not; bits behind n in the last word
  /// become 0. The column is one that the condition runs on.
  void evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const;

 private:
  /// What holds for the codes of one dictionary.
  struct Known {
    std::weak_ptr<const Column> texts;
    Element codes = Element::kInt32;
    bool failed = false;
    bool of_null = false;
    MaskLoop loop = nullptr;  // null: for no text or for all
    std::shared_ptr<const void> operand;
    bool all = false;
  };

  std::shared_ptr<const Known> find(const Column& column) const noexcept;
  std::shared_ptr<const Known> work_out(const Column& column) const;

  std::shared_ptr<const TextTruth> truth_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const Known>> known_;
};

}  // namespace tql_engine
