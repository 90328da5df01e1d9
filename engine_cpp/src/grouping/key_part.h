// One of the keys of all rows as numbers: a code of up to 64 bits per row.
#pragma once

#include <cstdint>
#include <vector>

#include "tql_engine/column.h"
#include "tql_engine/counted_vector.h"
#include "tql_engine/grouping.h"

namespace tql_engine {

/// What encoding takes beside the values.
struct KeyCoding {
  uint64_t low = 0;                   // of integers: the smallest
  const uint64_t* of_text = nullptr;  // of a dictionary: the codes of its texts
};

class KeyPart {
 public:
  /// Looks at the values for their range. Throws EngineError(kInternal) for a key of several element kinds,
  /// or of another number of rows.
  KeyPart(Execution& execution, Key key, int64_t rows);

  /// The codes of rows [begin, begin + n).
  void encode(int64_t begin, int64_t n, uint64_t* codes) const noexcept;
  /// The largest code there can be.
  uint64_t largest() const noexcept { return largest_; }
  /// Rows of equal code are equal, NULL included: all but long texts that are not numbered, and 64-bit
  /// integers of all values beside NULL.
  bool exact() const noexcept { return exact_; }
  /// Whether two rows of equal code are equal.
  bool same(int64_t left, int64_t right) const noexcept;
  /// Every row equals itself as scalar operands do: none is NULL or NaN.
  bool always_equal() const noexcept { return always_equal_; }
  /// Whether this row does.
  bool equals_itself(int64_t row) const noexcept;

 private:
  using Encode = void (*)(const Column& column, int64_t begin, int64_t n, const KeyCoding& coding,
                          uint64_t* codes);
  /// What the codes of a piece are made with.
  struct Piece {
    const Column* column;
    int64_t start;  // the number of its first row
    Encode encode = nullptr;
    CountedVector<uint64_t> of_text{};  // codes of the texts of a dictionary
  };
  struct Place {
    const Column* column;
    int64_t row;
  };

  void plan_integers(Execution& execution);
  void plan_floats();
  void plan_texts(Execution& execution);
  bool number_texts(int64_t rows);
  int64_t longest_text(Execution& execution) const;
  Place place(int64_t row) const noexcept;

  std::vector<Piece> pieces_;
  Element element_ = Element::kBool;
  bool scalar_ = true;
  bool nullable_ = false;
  const Column* plain_ = nullptr;  // where all are texts in one piece, none NULL
  uint64_t low_ = 0;               // of integers
  uint64_t largest_ = 0;
  bool exact_ = true;
  bool always_equal_ = true;
};

}  // namespace tql_engine
