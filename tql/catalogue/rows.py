"""Functions of the row as a whole: its position, chance, weights."""

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import always, float64_scalar, int64_scalar
from tql.types import Type

_CASES = (Parameter("condition: weight", "condition"),)

FUNCTIONS = (
    Function(
        "row_number",
        "row_number",
        (),
        int64_scalar,
        "position of the row, from 0",
        "row",
        nulls="never",
        positional=True,
    ),
    Function(
        "random",
        "random",
        (),
        always(Type("int32")),
        "a random integer >= 0, fresh for each row",
        "row",
        nulls="never",
        deterministic=False,
    ),
    Function(
        "max_weight",
        "max_weight",
        _CASES,
        float64_scalar,
        "largest weight among the conditions that hold, else 0",
        "row",
        nulls="false",
        variadic=True,
    ),
    Function(
        "sum_weight",
        "sum_weight",
        _CASES,
        float64_scalar,
        "sum of the weights of the conditions that hold, else 0",
        "row",
        nulls="false",
        variadic=True,
    ),
    Function(
        "bm25_similarity",
        "",
        (Parameter("column", "column"), Parameter("text", "text")),
        float64_scalar,
        "relevance of a text for the words of a query, only as order by ... desc; needs a BM25 index",
        "row",
        nulls="never",
    ),
)
