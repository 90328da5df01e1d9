// Conditions on arrays and texts as leaves of mask programs: bits per row straight from a column's buffers,
// without a view or an array of bools per row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "tql_engine/column.h"
#include "tql_engine/constant.h"
#include "tql_engine/kernel.h"
#include "tql_engine/mask.h"

namespace tql_engine {

/// A condition on the rows of one column.
class MaskLeaf {
 public:
  MaskLeaf() = default;
  MaskLeaf(const MaskLeaf&) = delete;
  MaskLeaf& operator=(const MaskLeaf&) = delete;
  virtual ~MaskLeaf() = default;
  /// Whether the column came in the layout that the leaf reads.
  virtual bool runs_on(const Column& column) const noexcept = 0;
  /// Bit i of `words` becomes the truth for row `first` + i; bits behind n in the last word become 0. A row
  /// that is NULL may become anything.
  virtual void evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const = 0;
};

using MaskLeafPtr = std::shared_ptr<const MaskLeaf>;

/// A condition on a text that has a leaf.
class TextCondition : public Operation {
 public:
  /// The leaf over a column of texts; null if there is none. `argument` is the second argument, null if that
  /// is no constant.
  virtual MaskLeafPtr leaf(const Constant* argument) const = 0;
};

/// Elements of the rows of an array column, each `period`-th of a row from `phase` on. The rows have a whole
/// number of periods.
struct ArrayPart {
  static constexpr int64_t kLargestPeriod = 64;

  int64_t period = 1;
  int64_t phase = 0;
};

/// Some element of that part of the row makes the loop true.
MaskLeafPtr any_element_leaf(Element element, ArrayPart part, MaskLoop loop,
                             std::shared_ptr<const void> operand);

/// The text is (`negate`: is not) this one.
MaskLeafPtr equal_text_leaf(std::string text, bool negate);

/// Some text of the list is this one.
MaskLeafPtr any_text_leaf(std::string text);

}  // namespace tql_engine
