// BM25 relevance as Lucene and Tantivy compute it (Robertson and Zaragoza, "The Probabilistic Relevance
// Framework: BM25 and Beyond", 2009, with the idf that is never negative): for each word of the query, once
// per occurrence there,
//
//   idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average length))
//   idf = ln(1 + (N - n + 0.5) / (n + 0.5))
//
// with N documents, n of which have the word. The documents are all rows of the source that are not NULL, so
// the score of a row does not depend on what was filtered before; they are counted in a pass of their own.
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "../text/words.h"
#include "read_ahead.h"
#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr double kSaturation = 1.2;      // k1
constexpr double kNormalisation = 0.75;  // b
constexpr int64_t kGrain = 1024;

/// The words of one document: how many there are, and how often each of the query is among them.
class DocumentWords {
 public:
  int64_t length = 0;
  std::vector<int64_t> frequencies;  // per word of the query; the last is for all others

  explicit DocumentWords(const WordSet& query) : frequencies(query.size() + 1), query_(query) {}

  void count(std::string_view text) {
    std::fill(frequencies.begin(), frequencies.end(), int64_t{0});
    length = 0;
    WordReader reader(text);
    for (std::string_view word; reader.next(word); ++length) ++frequencies[query_.find(word)];
  }

 private:
  const WordSet& query_;
};

/// What the scores need to know about all documents.
struct Statistics {
  int64_t documents = 0;
  int64_t words = 0;
  std::vector<int64_t> documents_with;  // per word of the query

  void add(const Statistics& other) {
    documents += other.documents;
    words += other.words;
    for (size_t i = 0; i < documents_with.size(); ++i) documents_with[i] += other.documents_with[i];
  }
};

Statistics count_documents(Execution& execution, Source& source, const ColumnRef& column,
                           const WordSet& query) {
  const Statistics nothing{0, 0, std::vector<int64_t>(query.size())};
  const auto threads = static_cast<size_t>(execution.pool().threads());
  std::vector<Statistics> counted(threads, nothing);
  std::vector<DocumentWords> scratch(threads, DocumentWords(query));
  const std::vector<RowRange> parts = Execution::partitions(source, {&column, 1}, {0, source.num_rows()});
  ReadAhead reader(execution, source);
  for (size_t p = 0; p < parts.size(); ++p) {
    const Column texts = reader.read(column, parts[p]);
    if (p + 1 < parts.size()) reader.request(column, parts[p + 1]);
    execution.parallel_for(texts.length(), kGrain, [&](int64_t begin, int64_t end, int worker) {
      Statistics& mine = counted[static_cast<size_t>(worker)];
      DocumentWords& words = scratch[static_cast<size_t>(worker)];
      for (int64_t row = begin; row < end; ++row) {
        if (texts.is_null(row)) continue;
        words.count(texts.text_at(row));
        ++mine.documents;
        mine.words += words.length;
        for (size_t i = 0; i < query.size(); ++i) mine.documents_with[i] += words.frequencies[i] > 0 ? 1 : 0;
      }
    });
  }
  Statistics total = nothing;
  for (const Statistics& one : counted) total.add(one);
  return total;
}

class Score final : public Operation {
 public:
  Score(const WordSet& query, const Statistics& statistics) : query_(query) {
    const auto documents = static_cast<double>(statistics.documents);
    average_length_ = static_cast<double>(statistics.words) / documents;
    for (size_t i = 0; i < query.size(); ++i) {
      const auto with = static_cast<double>(statistics.documents_with[i]);
      const double idf = std::log(1 + (documents - with + 0.5) / (with + 0.5));
      weights_.push_back(static_cast<double>(query.count(i)) * idf * (kSaturation + 1));
    }
  }

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Vector& texts = *args[0];
    auto* scores = reinterpret_cast<double*>(out.make_scalars(Element::kFloat64, frame.size()));
    DocumentWords words(query_);
    for (int64_t row = 0; row < frame.size(); ++row) {
      scores[row] = 0;
      if (!texts.is_valid(row)) continue;
      words.count(texts.at<std::string_view>(row));
      const double norm =
          kSaturation *
          (1 - kNormalisation + kNormalisation * static_cast<double>(words.length) / average_length_);
      for (size_t i = 0; i < weights_.size(); ++i) {
        if (words.frequencies[i] == 0) continue;  // without any words the norm is not a number
        const auto frequency = static_cast<double>(words.frequencies[i]);
        scores[row] += weights_[i] * frequency / (frequency + norm);
      }
    }
  }

 private:
  const WordSet& query_;
  double average_length_;
  std::vector<double> weights_;  // per word of the query
};

}  // namespace

Relation run_bm25(Execution& execution, const Bm25& op, const Relation& input) {
  const ColumnRef column{op.column, Facet::kValues, {Element::kText, std::vector<int64_t>{}, true}};
  const WordSet query(op.query);
  const Statistics statistics = count_documents(execution, *input.source, column, query);
  const Program score =
      Program::over_column(column, std::make_unique<Score>(query, statistics), {Element::kFloat64});
  const Program* const programs[] = {&score};
  Relation result = input;
  result.computed.emplace(op.id, std::move(evaluate_columns(execution, input, programs).front()));
  return result;
}

}  // namespace tql_engine
