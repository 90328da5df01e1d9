// Looks for what zones can decide in the instructions of a condition, and decides it: an analysis by
// intervals, whose answers are "for no row", "for every row" and "cannot tell".
#include "tql_engine/zone_condition.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <cstring>
#include <utility>

#include "tql_engine/cast.h"
#include "tql_engine/leaf.h"
#include "tql_engine/logic.h"
#include "tql_engine/program.h"
#include "tql_engine/scalar.h"
#include "tql_engine/set.h"

namespace tql_engine {
namespace {

constexpr int kMaxDepth = 64;  // of AND, OR, NOT
constexpr uint64_t kMemberBits = 64;

/// By value; unordered for NaN and for a float beside an integer, which the kernels never compare.
std::partial_ordering order(const Number& left, const Number& right) noexcept {
  return std::visit(
      []<class L, class R>(L a, R b) -> std::partial_ordering {
        if constexpr (std::is_same_v<L, R>) {
          return a <=> b;
        } else if constexpr (std::is_integral_v<L> && std::is_integral_v<R>) {
          return std::cmp_less(a, b)    ? std::partial_ordering::less
                 : std::cmp_equal(a, b) ? std::partial_ordering::equivalent
                                        : std::partial_ordering::greater;
        } else {
          return std::partial_ordering::unordered;
        }
      },
      left, right);
}

bool is_unordered(std::partial_ordering order) noexcept { return order == std::partial_ordering::unordered; }

bool is_less(const Number& left, const Number& right) noexcept { return order(left, right) < 0; }

bool is_nan(const Number& number) noexcept {
  const double* value = std::get_if<double>(&number);
  return value != nullptr && std::isnan(*value);
}

template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

std::optional<Number> number_at(const Constant& constant, int64_t i) {
  const std::byte* from = constant.values() + i * element_size(constant.element());
  switch (constant.element()) {
    case Element::kBool:
    case Element::kUint8:
      return uint64_t{load<uint8_t>(from)};
    case Element::kInt8:
      return int64_t{load<int8_t>(from)};
    case Element::kInt16:
      return int64_t{load<int16_t>(from)};
    case Element::kInt32:
      return int64_t{load<int32_t>(from)};
    case Element::kInt64:
      return load<int64_t>(from);
    case Element::kUint16:
      return uint64_t{load<uint16_t>(from)};
    case Element::kUint32:
      return uint64_t{load<uint32_t>(from)};
    case Element::kUint64:
      return load<uint64_t>(from);
    case Element::kFloat32:
      return double{load<float>(from)};
    case Element::kFloat64:
      return load<double>(from);
    case Element::kFloat16:
    case Element::kText:
      return std::nullopt;
  }
  return std::nullopt;
}

Verdict negated(Verdict verdict) noexcept {
  return verdict == Verdict::kNone  ? Verdict::kAll
         : verdict == Verdict::kAll ? Verdict::kNone
                                    : Verdict::kSome;
}

Verdict of_share(bool none, bool all) noexcept {
  return none ? Verdict::kNone : all ? Verdict::kAll : Verdict::kSome;
}

/// Whether an integer may be among the values of a zone; `low` and `high` bound them.
bool may_hold(const Zone& zone, const Number& value) noexcept {
  if (order(value, zone.low) < 0 || order(value, zone.high) > 0) return false;
  if (zone.members == 0) return true;
  const auto wrapped = [](const Number& number) {
    return std::visit([]<class T>(T x) { return static_cast<uint64_t>(x); }, number);
  };
  const uint64_t bit = wrapped(value) - wrapped(zone.low);
  return bit < kMemberBits && (zone.members >> bit & 1) != 0;
}

}  // namespace

class ZoneCompiler {
 public:
  ZoneCompiler(std::span<const Instruction> instructions, const ProgramInputs& inputs)
      : instructions_(instructions), inputs_(inputs) {}

  std::optional<ZoneCondition> compile(int result) {
    add(result, 0);
    if (!can_decide(condition_.nodes_.back())) return std::nullopt;
    for (const Node& node : condition_.nodes_) {
      if (!reads_column(node)) continue;
      if (std::ranges::find(condition_.columns_, node.column) == condition_.columns_.end())
        condition_.columns_.push_back(node.column);
    }
    return std::move(condition_);
  }

 private:
  using Node = ZoneCondition::Node;
  using Kind = ZoneCondition::Kind;
  using Conversion = ZoneCondition::Conversion;

  static bool reads_column(const Node& node) noexcept {
    return node.kind == Kind::kCompare || node.kind == Kind::kIn || node.kind == Kind::kIsNull;
  }

  /// Whether some verdict other than kSome is possible.
  bool can_decide(const Node& node) const noexcept {
    const auto side = [&](int at) { return can_decide(condition_.nodes_[static_cast<size_t>(at)]); };
    if (node.kind == Kind::kAnd || node.kind == Kind::kOr) return side(node.left) || side(node.right);
    return node.kind == Kind::kNot ? side(node.left) : node.kind != Kind::kUnknown;
  }

  template <class T>
  const T* as(int index) const noexcept {
    return dynamic_cast<const T*>(instructions_[static_cast<size_t>(index)].operation.get());
  }
  int argument(int index, size_t which) const noexcept {
    return instructions_[static_cast<size_t>(index)].args[which];
  }

  /// Adds the nodes of an instruction, its own last.
  void add(int index, int depth) {
    if (depth > kMaxDepth) return add_node({});
    if (const auto* logic = as<LogicOperation>(index)) return add_logic(*logic, index, depth);
    if (as<Truth>(index) != nullptr) {
      const int x = argument(index, 0);
      return operand_of(x) ? add_truth(x) : add(x, depth + 1);
    }
    if (const auto* compare = as<CompareOperation>(index)) return add_compare(*compare, index);
    if (const auto* set = as<InSet>(index)) return add_set(*set, argument(index, 0));
    if (as<IsNull>(index) != nullptr) {
      const auto operand = operand_of(argument(index, 0));
      return add_node(operand ? Node{.kind = Kind::kIsNull, .column = operand->column} : Node{});
    }
    if (const auto* constant = as<ConstantOperation>(index)) return add_constant(constant->constant());
    add_truth(index);
  }

  void add_logic(const LogicOperation& logic, int index, int depth) {
    add(argument(index, 0), depth + 1);
    const int left = last();
    if (logic.kind() == LogicOperation::Kind::kNot) return add_node({.kind = Kind::kNot, .left = left});
    add(argument(index, 1), depth + 1);
    const Kind kind = logic.kind() == LogicOperation::Kind::kAnd ? Kind::kAnd : Kind::kOr;
    add_node({.kind = kind, .left = left, .right = last()});
  }

  void add_compare(const CompareOperation& compare, int index) {
    for (size_t side = 0; side < 2; ++side) {
      const auto* constant = as<ConstantOperation>(argument(index, side));
      const auto operand = operand_of(argument(index, 1 - side));
      if (constant == nullptr || constant->constant().rank() != 0 || !operand) continue;
      const std::optional<Number> value = number_at(constant->constant(), 0);
      if (!value) break;
      return add_node({.kind = Kind::kCompare,
                       .column = operand->column,
                       .op = side == 1 ? compare.op() : swapped(compare.op()),
                       .conversion = operand->conversion,
                       .constants = {*value}});
    }
    add_node({});
  }

  void add_set(const InSet& set, int source) {
    const auto operand = operand_of(source);
    if (!operand || set.items() == nullptr) return add_node({});
    Node node{.kind = Kind::kIn, .column = operand->column, .conversion = operand->conversion};
    for (int64_t i = 0; i < set.items()->size(); ++i) {
      const std::optional<Number> item = number_at(*set.items(), i);
      if (!item) return add_node({});
      if (!is_nan(*item)) node.constants.push_back(*item);
    }
    std::ranges::sort(node.constants, is_less);
    const auto repeats = std::ranges::unique(
        node.constants, [](const Number& a, const Number& b) { return order(a, b) == 0; });
    node.constants.erase(repeats.begin(), repeats.end());
    add_node(std::move(node));
  }

  /// A number as a condition: it is not 0.
  void add_truth(int source) {
    const auto operand = operand_of(source);
    if (!operand || operand->conversion != Conversion::kNone) return add_node({});
    const Element element = inputs_.columns[operand->column].type.element;
    const Number zero = is_float(element)    ? Number(0.0)
                        : is_signed(element) ? Number(int64_t{0})
                                             : Number(uint64_t{0});
    add_node(
        {.kind = Kind::kCompare, .column = operand->column, .op = CompareOp::kNotEqual, .constants = {zero}});
  }

  void add_constant(const Constant& constant) {
    const auto value = constant.rank() == 0 ? number_at(constant, 0) : std::nullopt;
    if (!value || constant.element() != Element::kBool) return add_node({});
    add_node({.kind = Kind::kConstant, .constants = {*value}});
  }

  void add_node(Node node) { condition_.nodes_.push_back(std::move(node)); }
  int last() const noexcept { return static_cast<int>(condition_.nodes_.size()) - 1; }

  struct Operand {
    size_t column;
    Conversion conversion;
  };

  /// A column of one number per row, or such a one cast so that no two values change their order.
  std::optional<Operand> operand_of(int index) const noexcept {
    Conversion conversion = Conversion::kNone;
    const auto* cast = as<CastOperation>(index);
    if (cast != nullptr) index = argument(index, 0);
    if (as<ScalarOperation>(index) != nullptr) index = argument(index, 0);
    const auto* load = as<LoadColumn>(index);
    if (load == nullptr) return std::nullopt;
    const ColumnRef& ref = inputs_.columns[load->index()];
    const Element from = ref.type.element;
    if (ref.facet != Facet::kValues || !ref.type.is_single() || ref.type.nested) return std::nullopt;
    if (from == Element::kText || from == Element::kFloat16) return std::nullopt;
    if (cast != nullptr) {
      const std::optional<Conversion> known = conversion_of(from, cast->element());
      if (!known) return std::nullopt;
      conversion = *known;
    }
    return Operand{load->index(), conversion};
  }

  static std::optional<Conversion> conversion_of(Element from, Element to) noexcept {
    if (from == to) return Conversion::kNone;
    if (to == Element::kFloat64) return Conversion::kDouble;
    if (is_float(from)) return std::nullopt;
    if (to == Element::kFloat32) return Conversion::kFloat;
    const bool wider = element_size(to) > element_size(from);
    const bool keeps =
        is_signed(from) ? is_signed(to) && wider : wider || (from == Element::kBool && to == Element::kUint8);
    return is_integer(to) && keeps ? std::optional(Conversion::kNone) : std::nullopt;
  }

  std::span<const Instruction> instructions_;
  const ProgramInputs& inputs_;
  ZoneCondition condition_;
};

std::optional<ZoneCondition> ZoneCondition::compile(std::span<const Instruction> instructions, int result,
                                                    const ProgramInputs& inputs) {
  return ZoneCompiler(instructions, inputs).compile(result);
}

Verdict ZoneCondition::judge(std::span<const ZoneView> zones, int64_t begin, int64_t end) const {
  return judge_node(nodes_.back(), zones, begin, end);
}

Verdict ZoneCondition::judge_node(const Node& node, std::span<const ZoneView> zones, int64_t begin,
                                  int64_t end) const {
  const auto side = [&](int at) { return judge_node(nodes_[static_cast<size_t>(at)], zones, begin, end); };
  switch (node.kind) {
    case Kind::kUnknown:
      return Verdict::kSome;
    case Kind::kConstant:
      return std::get<uint64_t>(node.constants.front()) != 0 ? Verdict::kAll : Verdict::kNone;
    case Kind::kNot:
      return negated(side(node.left));
    case Kind::kAnd:
    case Kind::kOr: {
      const Verdict decisive = node.kind == Kind::kAnd ? Verdict::kNone : Verdict::kAll;
      const Verdict left = side(node.left);
      if (left == decisive) return decisive;
      const Verdict right = side(node.right);
      if (right == decisive) return decisive;
      return left == right ? left : Verdict::kSome;
    }
    case Kind::kCompare:
    case Kind::kIn:
    case Kind::kIsNull:
      break;
  }
  const ZoneView& view = zones[node.column];
  if (view.column == nullptr) return Verdict::kSome;
  std::optional<Verdict> verdict;
  const bool covered = view.column->visit(begin + view.offset, end + view.offset, [&](const Zone& zone) {
    const Verdict here = judge_zone(node, zone);
    verdict = !verdict || *verdict == here ? here : Verdict::kSome;
    return *verdict != Verdict::kSome;
  });
  return covered && verdict ? *verdict : Verdict::kSome;
}

Verdict ZoneCondition::judge_zone(const Node& node, const Zone& zone) {
  if (node.kind == Kind::kIsNull) return of_share(zone.nulls == 0, zone.nulls == zone.rows());
  // Rows that are NULL never match, NaN matches != alone, and the rest as their bounds say.
  std::optional<Verdict> verdict;
  const auto join = [&](Verdict part) { verdict = !verdict || *verdict == part ? part : Verdict::kSome; };
  if (zone.nulls > 0) join(Verdict::kNone);
  if (zone.has_nan) {
    const bool matches = node.kind == Kind::kCompare && node.op == CompareOp::kNotEqual;
    join(matches ? Verdict::kAll : Verdict::kNone);
  }
  if (zone.has_values) join(judge_values(node, zone));
  return verdict.value_or(Verdict::kNone);
}

Verdict ZoneCondition::judge_values(const Node& node, Zone zone) {
  if (node.conversion != Conversion::kNone) {
    const bool narrow = node.conversion == Conversion::kFloat;
    const auto convert = [&](auto x) {
      return narrow ? double{static_cast<float>(x)} : static_cast<double>(x);
    };
    zone.low = std::visit(convert, zone.low);
    zone.high = std::visit(convert, zone.high);
    zone.members = 0;
  }
  return node.kind == Kind::kIn ? judge_set(node, zone) : judge_compare(node, zone);
}

Verdict ZoneCondition::judge_compare(const Node& node, const Zone& zone) {
  const Number& constant = node.constants.front();
  if (is_nan(constant)) return node.op == CompareOp::kNotEqual ? Verdict::kAll : Verdict::kNone;
  const std::partial_ordering low = order(zone.low, constant);
  const std::partial_ordering high = order(zone.high, constant);
  if (is_unordered(low) || is_unordered(high)) return Verdict::kSome;
  const auto equal = [&] { return of_share(!may_hold(zone, constant), low == 0 && high == 0); };
  switch (node.op) {
    case CompareOp::kLess:
      return of_share(low >= 0, high < 0);
    case CompareOp::kLessEqual:
      return of_share(low > 0, high <= 0);
    case CompareOp::kGreater:
      return of_share(high <= 0, low > 0);
    case CompareOp::kGreaterEqual:
      return of_share(high < 0, low >= 0);
    case CompareOp::kEqual:
      return equal();
    case CompareOp::kNotEqual:
      return negated(equal());
  }
  return Verdict::kSome;
}

Verdict ZoneCondition::judge_set(const Node& node, const Zone& zone) {
  const std::vector<Number>& items = node.constants;
  if (items.empty()) return Verdict::kNone;
  if (is_unordered(order(zone.low, items.front())) || is_unordered(order(zone.high, items.front())))
    return Verdict::kSome;
  const auto first = std::ranges::lower_bound(items, zone.low, is_less);
  const auto last = std::ranges::upper_bound(items, zone.high, is_less);
  if (first == last) return Verdict::kNone;
  if (order(zone.low, zone.high) == 0) return Verdict::kAll;
  if (zone.members == 0) return Verdict::kSome;
  const auto held = std::count_if(first, last, [&](const Number& item) { return may_hold(zone, item); });
  return of_share(held == 0, held == std::popcount(zone.members));
}

}  // namespace tql_engine
