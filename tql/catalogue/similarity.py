"""Norms and similarities of vectors."""

from collections.abc import Mapping, Sequence
from typing import Any

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import float64_scalar, int64_scalar, scalar_of_element
from tql.types import Type

_X = (Parameter("x", "number"),)
_TWO = (Parameter("a", "numeric array"), Parameter("b", "numeric array"))
_MATRICES = (Parameter("docs", "matrix"), Parameter("query", "matrix"))


def _best(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """A float64; NULL where there is no document row."""
    docs = types[0].shape
    return Type("float64", (), nullable=docs is None or not docs[0])


def _norm(name: str, text: str) -> Function:
    return Function(
        name,
        name,
        _X,
        float64_scalar,
        text,
        "similarity",
        nan="NaN",
        spreads=True,
        section=12,
        returns="float64",
        example=f"select * order by {name}(embedding - ARRAY[1, 0, 0, 0, 0, 0, 0, 0]) limit 10",
    )


FUNCTIONS = (
    _norm("l1_norm", "sum of the absolute values, of nothing 0"),
    _norm("l2_norm", "Euclidean length, of nothing 0"),
    _norm("linf_norm", "largest absolute value, of nothing 0"),
    Function(
        "cosine_similarity",
        "cosine_similarity",
        _TWO,
        float64_scalar,
        "cosine of the angle between two vectors, 0 where one is zero",
        "similarity",
        "similar",
        nan="NaN",
        fallible=True,
        cost=3.0,
        spreads=True,
        section=12,
        returns="float64",
        example="select * order by cosine_similarity(embedding, ARRAY[1,0,0,0,0,0,0,0]) desc limit 10",
    ),
    Function(
        "dot",
        "dot",
        _TWO,
        scalar_of_element,
        "sum of the products",
        "similarity",
        "similar",
        nan="NaN",
        fallible=True,
        cost=2.0,
        spreads=True,
        section=12,
        returns="the promoted type",
        example="select * order by dot(embedding, embedding) desc limit 10",
    ),
    Function(
        "hamming_distance",
        "hamming_distance",
        _TWO,
        int64_scalar,
        "number of bits that differ",
        "similarity",
        "bits",
        fallible=True,
        cost=2.0,
        spreads=True,
        section=12,
        returns="int64",
        example="select * order by hamming_distance(fixed, ARRAY[1, 0, 1]) limit 10",
    ),
    Function(
        "maxsim",
        "maxsim",
        _MATRICES,
        _best,
        "sum over the rows of the query of the best cosine with a row of docs; without docs NULL",
        "similarity",
        "similar floats",
        nan="NaN",
        fallible=True,
        cost=6.0,
        spreads=True,
        section=12,
        returns="float64",
        example="select * order by maxsim(boxes, ARRAY[ARRAY[1, 0, 0, 0]]) desc limit 10",
    ),
)
