// Conditions on columns, evaluated as words of bits: comparisons of scalars with constants, sets, IS NULL,
// conditions on arrays and texts that have a leaf of their own, any condition on a text of a dictionary, and
// AND, OR, NOT of these. A block of rows
// that stays in the cache goes through all of it at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tql_engine/dictionary_mask.h"
#include "tql_engine/kernel.h"
#include "tql_engine/mask.h"
#include "tql_engine/mask_leaf.h"

namespace tql_engine {

/// One step of a program: an operation over earlier registers.
struct Instruction {
  std::unique_ptr<const Operation> operation;
  std::vector<int> args;
  Span span;
  bool needed = false;  // reached from the result
};

class MaskProgram {
 public:
  /// Nothing if some part of the condition has no such form.
  static std::optional<MaskProgram> compile(std::span<const Instruction> instructions, int result,
                                            const ProgramInputs& inputs);

  /// Whether the columns came in the layout that the loops read.
  bool runs_on(const Segment& segment) const noexcept;
  /// Bit i of `words` becomes the truth of row `first` + i of the segment; bits behind n in the last word
  /// become 0. NULL counts as false.
  void evaluate(const Segment& segment, int64_t first, int64_t n, uint64_t* words) const;

 private:
  friend class MaskCompiler;

  enum class Kind : uint8_t { kValues, kLeaf, kCoded, kIsNull, kAnd, kOr, kNot };

  struct Node {
    Kind kind;
    int left = -1;   // among the nodes
    int right = -1;  // likewise; of AND and OR it is looked at only where the left one leaves it open
    int cost = 0;    // compared with others
    int column = -1;
    Element element = Element::kBool;
    MaskLoop loop = nullptr;
    std::shared_ptr<const void> operand{};
    MaskLeafPtr leaf{};
    std::shared_ptr<const DictionaryCondition> coded{};  // of a condition on a text
  };

  void evaluate_block(const Node& node, const Segment& segment, int64_t first, int64_t n,
                      uint64_t* words) const;
  /// The right side of AND and OR, given the truth of the left one.
  void evaluate_rest(const Node& node, const Segment& segment, int64_t first, int64_t n,
                     uint64_t* words) const;

  std::vector<Node> nodes_;  // the root is the last one
};

}  // namespace tql_engine
