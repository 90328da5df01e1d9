// A condition asked of zones instead of rows: can it be true there, must it be?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tql_engine/compare.h"
#include "tql_engine/kernel.h"
#include "tql_engine/zone_maps.h"

namespace tql_engine {

struct Instruction;

/// For how many of some rows a condition is true, as far as it is known without reading them.
enum class Verdict : uint8_t { kNone, kSome, kAll };

/// Comparisons of columns of numbers with constants, IN, IS NULL, truth, and AND, OR, NOT of these. Whatever
/// else a condition has could be true and need not.
class ZoneCondition {
 public:
  /// Nothing if no zone could ever decide the condition.
  static std::optional<ZoneCondition> compile(std::span<const Instruction> instructions, int result,
                                              const ProgramInputs& inputs);

  /// The columns that it asks of, as places among the inputs of the program; each once.
  std::span<const size_t> columns() const noexcept { return columns_; }

  /// `zones`: per column of the program's inputs. Rows that are NULL do not match, as in MaskProgram.
  Verdict judge(std::span<const ZoneView> zones, int64_t begin, int64_t end) const;

 private:
  friend class ZoneCompiler;

  enum class Kind : uint8_t { kUnknown, kConstant, kCompare, kIn, kIsNull, kAnd, kOr, kNot };

  /// What a column's values are turned into before they are compared; each keeps their order.
  enum class Conversion : uint8_t { kNone, kDouble, kFloat };

  struct Node {
    Kind kind = Kind::kUnknown;
    int left = -1;  // among the nodes
    int right = -1;
    size_t column = 0;
    CompareOp op = CompareOp::kEqual;
    Conversion conversion = Conversion::kNone;
    std::vector<Number> constants =
        {};  // of kCompare one, of kIn ascending without NaN, of kConstant the truth
  };

  Verdict judge_node(const Node& node, std::span<const ZoneView> zones, int64_t begin, int64_t end) const;
  static Verdict judge_zone(const Node& node, const Zone& zone);
  static Verdict judge_values(const Node& node, Zone zone);
  static Verdict judge_compare(const Node& node, const Zone& zone);
  static Verdict judge_set(const Node& node, const Zone& zone);

  std::vector<Node> nodes_;  // the root is the last one
  std::vector<size_t> columns_;
};

}  // namespace tql_engine
