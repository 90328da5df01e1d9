// Looks for the bit-wise form of a condition in its instructions, and evaluates it block by block.
#include "tql_engine/mask_program.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "tql_engine/cast.h"
#include "tql_engine/leaf.h"
#include "tql_engine/logic.h"
#include "tql_engine/narrow_compare.h"
#include "tql_engine/scalar.h"
#include "tql_engine/set.h"
#include "tql_engine/subscript.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;
constexpr int64_t kBlockRows = 4096;
constexpr int64_t kBlockWords = kBlockRows / kWordBits;
constexpr int kMaxDepth = 64;     // of AND, OR, NOT: each level keeps a block of words on the stack
constexpr int64_t kLeastGap = 8;  // words that are decided, for which a loop is left and begun again
// What a row costs in the loops, about.
constexpr int kValuesCost = 1;
constexpr int kLeafCost = 8;

constexpr int64_t words_of(int64_t n) noexcept { return (n + kWordBits - 1) / kWordBits; }

void fill_ones(int64_t n, uint64_t* words) {
  std::fill_n(words, n / kWordBits, ~uint64_t{0});
  if (n % kWordBits != 0) words[n / kWordBits] = ~uint64_t{0} >> (kWordBits - n % kWordBits);
}

}  // namespace

class MaskCompiler {
 public:
  MaskCompiler(std::span<const Instruction> instructions, const ProgramInputs& inputs)
      : instructions_(instructions), inputs_(inputs) {}

  std::optional<MaskProgram> compile(int result) {
    if (!add(result, 0)) return std::nullopt;
    return std::move(program_);
  }

 private:
  using Kind = MaskProgram::Kind;

  template <class T>
  const T* as(int index) const noexcept {
    return dynamic_cast<const T*>(instructions_[static_cast<size_t>(index)].operation.get());
  }
  int argument(int index, size_t which) const noexcept {
    return instructions_[static_cast<size_t>(index)].args[which];
  }

  /// Adds the nodes of an instruction, its own last.
  bool add(int index, int depth) {
    if (depth > kMaxDepth) return false;
    const size_t before = program_.nodes_.size();
    if (add_by_form(index, depth)) return true;
    program_.nodes_.resize(before);
    return add_coded(index);
  }

  bool add_by_form(int index, int depth) {
    if (const auto* logic = as<LogicOperation>(index)) return add_logic(*logic, index, depth);
    if (as<Truth>(index) != nullptr) {
      const int x = argument(index, 0);
      return column_of(x) == nullptr ? add(x, depth) : add_truth(x);
    }
    if (as<CompareOperation>(index) != nullptr) return add_compare(index);
    if (const auto* set = as<InSet>(index)) return add_set(*set, argument(index, 0));
    if (const auto* any = as<AnyCompare>(index)) return add_any(*any, index);
    if (const auto* text = as<TextCondition>(index)) return add_text(*text, index);
    if (as<IsNull>(index) != nullptr) {
      const LoadColumn* load = column_of(argument(index, 0));
      if (load == nullptr) return false;
      add_node({.kind = Kind::kIsNull, .cost = kValuesCost, .column = static_cast<int>(load->index())});
      return true;
    }
    const LoadColumn* load = column_of(index);
    return load != nullptr && type_of(*load).element == Element::kBool && add_truth(index);
  }

  bool add_logic(const LogicOperation& logic, int index, int depth) {
    if (logic.kind() == LogicOperation::Kind::kAnd && add_range(argument(index, 0), argument(index, 1)))
      return true;
    if (!add(argument(index, 0), depth + 1)) return false;
    const int left = last();
    if (logic.kind() == LogicOperation::Kind::kNot) {
      add_node({.kind = Kind::kNot, .left = left, .cost = cost(left)});
      return true;
    }
    if (!add(argument(index, 1), depth + 1)) return false;
    const int right = last();
    const Kind kind = logic.kind() == LogicOperation::Kind::kAnd ? Kind::kAnd : Kind::kOr;
    const bool swap =
        cost(right) < cost(left);  // the second is looked at only where the first leaves it open
    add_node({.kind = kind,
              .left = swap ? right : left,
              .right = swap ? left : right,
              .cost = cost(left) + cost(right)});
    return true;
  }

  /// `column compare constant`, looking through the cast that the planner puts between a column and a
  /// constant of a wider type.
  struct Comparison {
    CompareOp op;
    const LoadColumn& load;
    const Constant& constant;
  };
  std::optional<Comparison> comparison_of(int index) const {
    const auto* compare = as<CompareOperation>(index);
    if (compare == nullptr || !compare->same_elements()) return std::nullopt;
    for (size_t side = 0; side < 2; ++side) {
      const auto* constant = as<ConstantOperation>(argument(index, side));
      if (constant == nullptr || constant->constant().rank() != 0) continue;
      int source = argument(index, 1 - side);
      if (as<CastOperation>(source) != nullptr) source = argument(source, 0);
      const LoadColumn* load = column_of(source);
      if (load == nullptr) return std::nullopt;
      return Comparison{side == 1 ? compare->op() : swapped(compare->op()), *load, constant->constant()};
    }
    return std::nullopt;
  }

  bool add_compare(int index) {
    const auto compare = comparison_of(index);
    if (!compare) return add_element_compare(index);
    const Element element = type_of(compare->load).element;
    if (element == Element::kText) return add_equal_text(compare->load, compare->op, compare->constant);
    const auto narrow = narrow_comparison(compare->op, compare->constant, element);
    return narrow && add_values(compare->load, mask_step(*narrow));
  }

  /// `array[i] compare constant` where all rows have one length, as what shape() gives: of a row that is any
  /// element in that place.
  bool add_element_compare(int index) {
    const auto* compare = as<CompareOperation>(index);
    if (compare == nullptr || !compare->same_elements()) return false;
    for (size_t side = 0; side < 2; ++side) {
      const auto* constant = as<ConstantOperation>(argument(index, side));
      if (constant == nullptr || constant->constant().rank() != 0) continue;
      int source = argument(index, 1 - side);
      if (as<CastOperation>(source) != nullptr) source = argument(source, 0);
      const auto* subscript = as<SubscriptOperation>(source);
      const auto* load = subscript == nullptr ? nullptr : as<LoadColumn>(argument(source, 0));
      if (load == nullptr) return false;
      const Type& type = type_of(*load);
      if (type.nested || type.element == Element::kText || !type.shape || type.shape->size() != 1)
        return false;
      const CompareOp op = side == 1 ? compare->op() : swapped(compare->op());
      const auto part = part_of(*subscript, source, *type.shape);
      const auto narrow = narrow_comparison(op, constant->constant(), type.element);
      if (!part || !narrow) return false;
      MaskStep step = mask_step(*narrow);
      if (part->period == 1) return add_values(*load, std::move(step));
      return step.loop != nullptr &&
             add_leaf(*load, any_element_leaf(type.element, *part, step.loop, std::move(step.operand)));
    }
    return false;
  }

  /// Both ends of a range of one column.
  bool add_range(int left, int right) {
    const auto first = comparison_of(left);
    const auto second = comparison_of(right);
    if (!first || !second || first->load.index() != second->load.index()) return false;
    const Element element = type_of(first->load).element;
    const auto one = narrow_comparison(first->op, first->constant, element);
    const auto other = narrow_comparison(second->op, second->constant, element);
    if (!one || !other) return false;
    const auto step = range_step(*one, *other);
    return step && add_values(first->load, *step);
  }

  bool add_equal_text(const LoadColumn& load, CompareOp op, const Constant& constant) {
    if (op != CompareOp::kEqual && op != CompareOp::kNotEqual) return false;
    return add_leaf(load, equal_text_leaf(text_of(constant), op == CompareOp::kNotEqual));
  }

  /// `any(array compare constant)`, over all elements of a row or over the last axis' element [:, ..., i].
  bool add_any(const AnyCompare& any, int index) {
    const auto* constant = as<ConstantOperation>(argument(index, 1));
    if (constant == nullptr || constant->constant().rank() != 0) return false;
    int source = argument(index, 0);
    if (as<CastOperation>(source) != nullptr) source = argument(source, 0);
    const auto* subscript = as<SubscriptOperation>(source);
    const auto* load = as<LoadColumn>(subscript == nullptr ? source : argument(source, 0));
    if (load == nullptr) return false;
    const Type& type = type_of(*load);
    if (type.nested || !type.shape || type.shape->empty()) return false;
    if (type.element == Element::kText) {
      return subscript == nullptr && any.op() == CompareOp::kEqual &&
             add_leaf(*load, any_text_leaf(text_of(constant->constant())));
    }
    const auto part = subscript == nullptr ? ArrayPart{} : part_of(*subscript, source, *type.shape);
    const auto narrow = narrow_comparison(any.op(), constant->constant(), type.element);
    if (!part || !narrow) return false;
    MaskStep step = mask_step(*narrow);
    return step.loop != nullptr &&
           add_leaf(*load, any_element_leaf(type.element, *part, step.loop, std::move(step.operand)));
  }

  /// What a subscript leaves of arrays of this shape: every so manyth element.
  std::optional<ArrayPart> part_of(const SubscriptOperation& subscript, int index,
                                   const std::vector<int64_t>& shape) const {
    std::vector<const Operation*> args;
    for (const int arg : instructions_[static_cast<size_t>(index)].args) {
      args.push_back(instructions_[static_cast<size_t>(arg)].operation.get());
    }
    const int64_t extent = shape.back();
    const auto given = subscript.last_axis_index(static_cast<int>(shape.size()), args);
    if (!given || extent < 1 || extent > ArrayPart::kLargestPeriod) return std::nullopt;
    if (*given < -extent || *given >= extent) return std::nullopt;
    return ArrayPart{extent, *given < 0 ? *given + extent : *given};
  }

  bool add_text(const TextCondition& text, int index) {
    const LoadColumn* load = column_of(argument(index, 0));
    if (load == nullptr || type_of(*load).element != Element::kText) return false;
    const bool has_second = instructions_[static_cast<size_t>(index)].args.size() > 1;
    const auto* second = has_second ? as<ConstantOperation>(argument(index, 1)) : nullptr;
    return add_leaf(*load, text.leaf(second == nullptr ? nullptr : &second->constant()));
  }

  bool add_leaf(const LoadColumn& load, MaskLeafPtr leaf) {
    if (leaf == nullptr) return false;
    std::shared_ptr<const DictionaryCondition> coded;
    if (is_text(load)) coded = std::make_shared<DictionaryCondition>(text_truth_of(leaf));
    add_node({.kind = Kind::kLeaf,
              .cost = kLeafCost,
              .column = static_cast<int>(load.index()),
              .leaf = std::move(leaf),
              .coded = std::move(coded)});
    return true;
  }

  /// Whatever gives a bool from one text and constants. It has this form over dictionaries alone.
  bool add_coded(int index) {
    std::vector<TextStep> steps;
    std::vector<int> places(instructions_.size(), -1);
    const LoadColumn* load = nullptr;
    if (!add_step(index, steps, places, load) || load == nullptr) return false;
    const auto column = static_cast<int>(load->index());
    auto truth = text_truth_of(std::move(steps), load->index(), inputs_.columns.size());
    add_node({.kind = Kind::kCoded,
              .cost = kLeafCost,
              .column = column,
              .coded = std::make_shared<DictionaryCondition>(std::move(truth))});
    return true;
  }

  bool add_step(int index, std::vector<TextStep>& steps, std::vector<int>& places,
                const LoadColumn*& load) const {
    constexpr size_t kMostSteps = 64;
    if (places[static_cast<size_t>(index)] >= 0) return true;
    const Instruction& instruction = instructions_[static_cast<size_t>(index)];
    const auto* column = as<LoadColumn>(index);
    if (column != nullptr) {
      if ((load != nullptr && load->index() != column->index()) || !is_text(*column)) return false;
      load = column;
    } else if (instruction.args.empty() && as<ConstantOperation>(index) == nullptr) {
      return false;  // something of the row that is not its value
    }
    if (!instruction.operation->is_repeatable() || steps.size() > kMostSteps) return false;
    std::vector<int> args;
    for (const int arg : instruction.args) {
      if (!add_step(arg, steps, places, load)) return false;
      args.push_back(places[static_cast<size_t>(arg)]);
    }
    places[static_cast<size_t>(index)] = static_cast<int>(steps.size());
    steps.push_back({instruction.operation.get(), std::move(args), instruction.span});
    return true;
  }

  bool is_text(const LoadColumn& load) const noexcept {
    return type_of(load).element == Element::kText && type_of(load).is_scalar();
  }

  static std::string text_of(const Constant& constant) {
    return std::string(*reinterpret_cast<const std::string_view*>(constant.values()));
  }

  bool add_set(const InSet& set, int source) {
    const LoadColumn* load = column_of(source);
    if (load == nullptr) return false;
    if (type_of(*load).element == Element::kText) return add_leaf(*load, set.leaf());
    return add_values(*load, {set.mask_loop(), set.mask_operand()});
  }

  bool add_truth(int source) {
    const LoadColumn& load = *column_of(source);
    return add_values(load, mask_step({CompareOp::kNotEqual, type_of(load).element, {}}));
  }

  bool add_values(const LoadColumn& load, MaskStep step) {
    if (step.loop == nullptr) return false;
    add_node({.kind = Kind::kValues,
              .cost = kValuesCost,
              .column = static_cast<int>(load.index()),
              .element = type_of(load).element,
              .loop = step.loop,
              .operand = std::move(step.operand)});
    return true;
  }

  void add_node(MaskProgram::Node node) { program_.nodes_.push_back(std::move(node)); }
  int cost(int node) const noexcept { return program_.nodes_[static_cast<size_t>(node)].cost; }
  int last() const noexcept { return static_cast<int>(program_.nodes_.size()) - 1; }

  /// The column of one element per row that an instruction hands on.
  const LoadColumn* column_of(int index) const noexcept {
    if (as<ScalarOperation>(index) != nullptr) index = argument(index, 0);
    const auto* load = as<LoadColumn>(index);
    return load != nullptr && type_of(*load).is_single() ? load : nullptr;
  }
  const Type& type_of(const LoadColumn& load) const noexcept { return inputs_.columns[load.index()].type; }

  std::span<const Instruction> instructions_;
  const ProgramInputs& inputs_;
  MaskProgram program_;
};

std::optional<MaskProgram> MaskProgram::compile(std::span<const Instruction> instructions, int result,
                                                const ProgramInputs& inputs) {
  return MaskCompiler(instructions, inputs).compile(result);
}

bool MaskProgram::runs_on(const Segment& segment) const noexcept {
  return std::ranges::all_of(nodes_, [&](const Node& node) {
    if (node.column < 0) return true;
    const Column& column = segment.columns[static_cast<size_t>(node.column)];
    if (node.coded != nullptr && column.layout() == Layout::kDictionary) return node.coded->runs_on(column);
    if (node.kind == Kind::kCoded) return false;
    if (node.kind == Kind::kLeaf) return node.leaf->runs_on(column);
    return node.kind == Kind::kIsNull || (column.layout() == Layout::kDense && column.row_elements() == 1);
  });
}

void MaskProgram::evaluate(const Segment& segment, int64_t first, int64_t n, uint64_t* words) const {
  for (int64_t done = 0; done < n; done += kBlockRows) {
    const int64_t count = std::min(kBlockRows, n - done);
    evaluate_block(nodes_.back(), segment, first + done, count, words + done / kWordBits);
  }
}

void MaskProgram::evaluate_block(const Node& node, const Segment& segment, int64_t first, int64_t n,
                                 uint64_t* words) const {
  const int64_t count = words_of(n);
  switch (node.kind) {
    case Kind::kValues: {
      const Column& column = segment.columns[static_cast<size_t>(node.column)];
      node.loop(column.raw_values() + first * element_size(node.element), node.operand.get(), n, words);
      if (column.validity() != nullptr) keep_nonzero(column.validity() + first, n, words);
      return;
    }
    case Kind::kCoded:
    case Kind::kLeaf: {
      const Column& column = segment.columns[static_cast<size_t>(node.column)];
      if (node.coded != nullptr && column.layout() == Layout::kDictionary) {
        return node.coded->evaluate(column, first, n, words);
      }
      node.leaf->evaluate(column, first, n, words);
      if (column.validity() != nullptr) keep_nonzero(column.validity() + first, n, words);
      return;
    }
    case Kind::kIsNull: {
      const Column& column = segment.columns[static_cast<size_t>(node.column)];
      if (column.validity() == nullptr) {
        std::fill_n(words, count, uint64_t{0});
        return;
      }
      fill_ones(n, words);
      keep_nonzero(column.validity() + first, n, words);
      break;  // the rows that are not NULL: turned around below
    }
    case Kind::kNot:
      evaluate_block(nodes_[static_cast<size_t>(node.left)], segment, first, n, words);
      break;
    case Kind::kAnd:
    case Kind::kOr:
      evaluate_block(nodes_[static_cast<size_t>(node.left)], segment, first, n, words);
      return evaluate_rest(node, segment, first, n, words);
  }
  std::array<uint64_t, kBlockWords> ones;
  fill_ones(n, ones.data());
  for (int64_t i = 0; i < count; ++i) words[i] = ~words[i] & ones[static_cast<size_t>(i)];
}

void MaskProgram::evaluate_rest(const Node& node, const Segment& segment, int64_t first, int64_t n,
                                uint64_t* words) const {
  const bool is_and = node.kind == Kind::kAnd;
  const int64_t count = words_of(n);
  const auto is_decided = [&](int64_t word) {
    if (is_and) return words[word] == 0;
    const int64_t rows = std::min(kWordBits, n - word * kWordBits);
    return words[word] == ~uint64_t{0} >> (kWordBits - rows);
  };
  std::array<uint64_t, kBlockWords> right;
  for (int64_t begin = 0; begin < count; ++begin) {
    if (is_decided(begin)) continue;
    int64_t end = begin + 1;  // of a run, behind the last word that is open
    for (int64_t word = end; word < count && word - end < kLeastGap; ++word) {
      if (!is_decided(word)) end = word + 1;
    }
    const int64_t rows = std::min(n, end * kWordBits) - begin * kWordBits;
    evaluate_block(nodes_[static_cast<size_t>(node.right)], segment, first + begin * kWordBits, rows,
                   right.data());
    for (int64_t word = begin; word < end; ++word) {
      const uint64_t other = right[static_cast<size_t>(word - begin)];
      words[word] = is_and ? words[word] & other : words[word] | other;
    }
    begin = end;
  }
}

}  // namespace tql_engine
