// Whether some element of an array compares true with a constant: all elements of many rows are compared at
// once, the unwanted columns of a table too, since memory is read by whole cache lines anyway.
#include <array>
#include <bit>
#include <utility>

#include "row_bits.h"
#include "tql_engine/mask_leaf.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;

class AnyElement final : public MaskLeaf {
 public:
  AnyElement(Element element, ArrayPart part, MaskLoop loop, std::shared_ptr<const void> operand)
      : element_(element), part_(part), loop_(loop), operand_(std::move(operand)) {
    // Word w of a long row takes the elements of wanted_[w % period].
    for (int64_t bit = 0; bit < part.period * kWordBits; ++bit) {
      if (bit % part.period != part.phase) continue;
      wanted_[static_cast<size_t>(bit / kWordBits)] |= uint64_t{1} << (bit % kWordBits);
    }
  }

  bool runs_on(const Column& column) const noexcept override {
    if (column.layout() == Layout::kRagged) return true;
    return column.layout() == Layout::kDense &&
           (part_.period == 1 || column.row_shape().back() == part_.period);
  }

  void evaluate(const Column& column, int64_t first, int64_t n, uint64_t* words) const override {
    const RowStarts starts{column.offsets(), column.row_elements()};
    const int64_t size = element_size(element_);
    const int64_t origin = starts.at(first);
    any_of_rows(starts, 0, first, n, words, [&](int64_t element, int64_t count, uint64_t* bits) {
      loop_(column.raw_values() + element * size, operand_.get(), count, bits);
      if (part_.period > 1) keep_part((element - origin) % part_.period, count, bits);
    });
  }

 private:
  /// Clears the bits of unwanted elements; the first element is number `at` of its period.
  void keep_part(int64_t at, int64_t count, uint64_t* bits) const noexcept {
    const int64_t words = (count + kWordBits - 1) / kWordBits;
    if (kWordBits % part_.period == 0) {
      const uint64_t wanted = wanted_[0] >> at | (at == 0 ? 0 : wanted_[0] << (part_.period - at));
      for (int64_t word = 0; word < words; ++word) bits[word] &= wanted;
      return;
    }
    const auto period = static_cast<size_t>(part_.period);
    for (int64_t word = 0; word < words; ++word) {
      // The 64 bits from `at` on of a pattern that repeats after `period` words.
      const auto low = static_cast<size_t>(at / kWordBits) % period;
      const int64_t shift = at % kWordBits;
      uint64_t wanted = wanted_[low] >> shift;
      if (shift > 0) wanted |= wanted_[(low + 1) % period] << (kWordBits - shift);
      bits[word] &= wanted;
      at = (at + kWordBits) % (part_.period * kWordBits);
    }
  }

  Element element_;
  ArrayPart part_;
  MaskLoop loop_;
  std::shared_ptr<const void> operand_;
  std::array<uint64_t, ArrayPart::kLargestPeriod> wanted_{};
};

}  // namespace

MaskLeafPtr any_element_leaf(Element element, ArrayPart part, MaskLoop loop,
                             std::shared_ptr<const void> operand) {
  return std::make_shared<AnyElement>(element, part, loop, std::move(operand));
}

}  // namespace tql_engine
