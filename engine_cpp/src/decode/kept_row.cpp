#include "tql_engine/kept_row.h"

namespace tql_engine {

KeptRow::KeptRow(const EncodedRows& rows, int64_t row)
    : stored_(rows.stored(row).begin(), rows.stored(row).end()), encoded_(rows.moved(row, stored_)) {}

}  // namespace tql_engine
