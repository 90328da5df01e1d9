"""Arrays: broadcasting, subscripts, reductions, shapes, similarity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.engine_plans import (
    Code,
    MemorySource,
    compute,
    filter_of,
    ragged,
    rows_of,
    rows_where,
    run,
    text_list,
)
from tql._engine import Column, EngineError

RNG = np.random.default_rng(5)
BOXES = [RNG.integers(0, 9, (n, 4)).tolist() for n in (3, 1, 2, 5, 1, 4)] + [np.zeros((0, 4), int).tolist()]
VALID = [True, True, False, True, True, True, True]


def boxes(dtype: str = "int32", validity: Any = None) -> Column:
    arrays = [np.array(rows, dtype).reshape(-1, 4) for rows in BOXES]
    offsets = np.cumsum([0, *(a.size for a in arrays)], dtype=np.int64)
    shapes = np.array([a.shape for a in arrays], dtype=np.int64)
    valid = None if validity is None else np.array(validity)
    return Column.ragged(np.concatenate([a.ravel() for a in arrays]), offsets, shapes, valid)


def arrays(dtype: str = "int32") -> list[np.ndarray]:
    return [np.array(rows, dtype).reshape(-1, 4) for rows in BOXES]


def subscripted(code: Code, x: int, *items: Any, shape: Any = None, element: str | None = None) -> int:
    """x[items], an item an int or a slice of ints."""
    args = [x]
    described: list[dict[str, Any]] = []
    for item in items:
        if isinstance(item, slice):
            bounds = (item.start, item.stop, item.step)
            args += [code.constant(bound, "int64") for bound in bounds if bound is not None]
            described.append({"slice": [bound is not None for bound in bounds]})
        else:
            args.append(code.constant(item, "int64"))
            described.append({"index": True})
    declared = {
        "element": element or code.instructions[x]["type"]["element"],
        "shape": shape,
        "nullable": True,
    }
    return code.add("subscript", *args, type=declared, items=described)


S = slice
SUBSCRIPTS = [
    (S(None), 2), (0,), (-1,), (S(1, None),), (S(None, None, -1),), (S(None, None, -2), 0),
    (S(0, 2), S(1, 3)), (0, 1), (-1, -1), (S(-2, None), S(None, None, 2)), (S(5, 1),), (S(10, None),),
    (S(None, -1), -4), (7,), (0, 4), (0, -5), (S(None, None, 2**62),), (S(2**62, -(2**62), -(2**62)),),
    (-(2**63),), (2**63 - 1,),
]  # fmt: skip


@pytest.mark.parametrize("items", SUBSCRIPTS)
@pytest.mark.parametrize("fixed", [False, True])
def test_subscripts_follow_python(items: tuple[Any, ...], fixed: bool) -> None:
    rank = 2 - sum(not isinstance(item, slice) for item in items)
    if fixed:
        values = RNG.integers(0, 99, (6, 3, 4))
        column, rows = Column.dense(values), list(values)
    else:
        column, rows = boxes(), arrays()
    code = Code({"x": column})
    subscripted(code, code.column("x"), *items, shape=[None] * rank)
    expected = []
    for row in rows:
        try:
            expected.append(row[items].tolist())
        except IndexError:
            expected.append(None)
    assert rows_of(compute(code)) == expected


def test_an_index_per_row_and_chained_subscripts() -> None:
    columns = {"x": boxes(), "k": Column.dense(np.array([0, -1, 1, 9, 0, 2, 0], np.int8))}
    code = Code(columns)
    row = code.add(
        "subscript",
        code.column("x"),
        code.column("k"),
        type={"element": "int32", "shape": [None], "nullable": True},
        items=[{"index": True}],
    )
    subscripted(code, row, 1, shape=[])
    rows = arrays()
    assert rows_of(compute(code)) == [
        rows[0][0, 1],
        rows[1][-1, 1],
        rows[2][1, 1],
        None,
        rows[4][0, 1],
        rows[5][2, 1],
        None,
    ]


def test_a_null_index_and_a_null_array_give_null() -> None:
    columns = {
        "x": boxes(validity=VALID),
        "k": Column.dense(np.zeros(7, np.int64), np.array([1, 0, 1, 1, 1, 1, 1], bool)),
    }
    code = Code(columns)
    code.add(
        "subscript",
        code.column("x"),
        code.column("k"),
        type={"element": "int32", "shape": [None], "nullable": True},
        items=[{"index": True}],
    )
    rows = rows_of(compute(code))
    assert [row is None for row in rows] == [False, True, True, False, False, False, True]


@pytest.mark.parametrize("op", ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"])
@pytest.mark.parametrize("partition", [None, 3])
def test_any_of_a_sliced_comparison(op: str, partition: int | None) -> None:
    code = Code({"x": boxes(validity=VALID)})
    column = subscripted(code, code.column("x"), slice(None), 2, shape=[None])
    code.add("any", code.add(op, column, code.constant(6, "int32"), shape=[None]))
    compare = getattr(np, op)
    expected = [i for i, row in enumerate(arrays()) if VALID[i] and compare(row[:, 2], 6).any()]
    assert rows_where(code, partition) == expected


@pytest.mark.parametrize("kernel", ["any", "all", "all_strict"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_truth_of_elements(kernel: str, axis: int | None) -> None:
    if kernel == "all_strict" and axis is not None:
        return
    code = Code({"x": boxes(validity=VALID)})
    positive = code.add("greater", code.column("x"), code.constant(2, "int32"), shape=[None, 4])
    code.add(
        kernel, positive, shape=[] if axis is None else [None], **({} if axis is None else {"axis": axis})
    )
    expected = []
    for row, valid in zip(arrays(), VALID, strict=True):
        flags = row > 2
        value = flags.any(axis=axis) if kernel == "any" else flags.all(axis=axis)
        if kernel == "all_strict":
            value = np.asarray(flags.size > 0 and flags.all())
        expected.append(value.tolist() if valid else ([False] if axis is not None else False))
    assert rows_of(compute(code)) == expected


@pytest.mark.parametrize("kernel", ["sum", "prod", "amin", "amax", "avg", "count"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint64", "float32", "float64"])
def test_reductions(kernel: str, axis: int | None, dtype: str) -> None:
    code = Code({"x": boxes(dtype)})
    element = {"avg": "float64", "count": "int64"}.get(kernel, dtype)
    declared = {"element": element, "shape": [] if axis is None else [None], "nullable": True}
    code.add(kernel, code.column("x"), type=declared, **({} if axis is None else {"axis": axis}))
    functions = {"sum": np.sum, "prod": np.prod, "amin": np.min, "amax": np.max, "avg": np.mean}
    expected = []
    for row in arrays(dtype):
        if kernel == "count":
            value: Any = row.size if axis is None else np.full(row.shape[1 - axis], row.shape[axis])
        elif row.size == 0 and kernel in ("amin", "amax", "avg") and axis != 1:
            value = None
        else:
            options = {"dtype": dtype} if kernel in ("sum", "prod") else {}
            value = functions[kernel](row, axis=axis, **options)
        expected.append(value if value is None else np.asarray(value).tolist())
    got = rows_of(compute(code))
    for row, wanted in zip(got, expected, strict=True):
        assert (row is None) == (wanted is None)
        if wanted is not None:
            np.testing.assert_allclose(row, wanted, rtol=1e-6)


def test_reductions_over_views_and_nan() -> None:
    values = np.array([[1.0, np.nan, 3.0], [4.0, -5.0, 6.0]])
    code = Code({"x": Column.dense(values)})
    view = subscripted(code, code.column("x"), slice(None, None, -2), shape=[None])
    for kernel, expected in (("sum", [4.0, 10.0]), ("amax", [3.0, 6.0]), ("linf_norm", [3.0, 6.0])):
        code.add(kernel, view, type="float64")
        assert compute(code).values.tolist() == expected
    whole = code.column("x")
    for kernel in ("amin", "amax", "l1_norm", "l2_norm", "linf_norm", "avg"):
        code.add(kernel, whole, type={"element": "float64", "shape": [], "nullable": True})
        assert np.isnan(compute(code).values).tolist() == [True, False]


def test_an_axis_out_of_range_is_an_error() -> None:
    code = Code({"x": boxes()})
    code.add("sum", code.column("x"), type="int32", shape=[None], axis=2)
    with pytest.raises(EngineError, match="an array of rank 2 has no axis 2"):
        compute(code)


@pytest.mark.parametrize("left", [(3,), (2, 3), (1,), (2, 1), (), (0,), (2, 3, 1)])
@pytest.mark.parametrize("right", [(3,), (2, 3), (1,), (2, 1), (), (0,), (1, 1, 4)])
def test_broadcasting_follows_numpy(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    x, y = RNG.integers(0, 9, (5, *left)), RNG.integers(0, 9, (5, *right))
    code = Code({"x": Column.dense(x), "y": Column.dense(y)})
    rank = max(len(left), len(right))
    code.add("subtract", code.column("x"), code.column("y"), type="int64", shape=[None] * rank)
    try:
        expected = [(a - b).tolist() for a, b in zip(x, y, strict=True)]
    except ValueError:
        with pytest.raises(EngineError, match="do not go together") as raised:
            compute(code)
        assert raised.value.args[0] == "shape"
        assert raised.value.args[2] == 0
        return
    assert rows_of(compute(code)) == expected


def test_a_shape_conflict_drops_the_row_of_a_filter_only() -> None:
    columns = {
        "x": ragged([[1, 2], [1, 2, 3], [4]], "int64", 1),
        "y": ragged([[1, 2], [1, 2], [4, 5]], "int64", 1),
    }
    code = Code(columns)
    equal = code.add("equal", code.column("x"), code.column("y"), shape=[None])
    code.add("not", code.add("all", equal))
    assert rows_where(code) == [2]  # row 1 does not match, whatever is around it
    with pytest.raises(EngineError) as raised:
        compute(code)
    assert raised.value.args[:3] == ("shape", "arrays of shapes [3] and [2] do not go together", 1)


def test_element_wise_on_packed_and_picked_rows() -> None:
    columns = {"x": boxes(), "n": Column.dense(np.array([1, 0, 1, 1, 0, 1, 1]))}
    odd = Code(columns)
    odd.add("equal", odd.column("n"), odd.constant(1, "int64"))
    large = Code(columns)
    doubled = large.add("add", large.column("x"), large.column("x"), type="int32", shape=[None, 4])
    large.add("any", large.add("greater", doubled, large.constant(15, "int32"), shape=[None, 4]))
    result = run(filter_of(odd, large), MemorySource(columns)).selection.indices.tolist()
    assert result == [i for i, row in enumerate(arrays()) if columns["n"].values[i] and (2 * row > 15).any()]


def test_scalar_takes_the_one_element() -> None:
    code = Code({"x": ragged([[5], [], [7]], "int16", 1)})
    code.add("scalar", code.column("x"), type={"element": "int16", "shape": [], "nullable": True})
    assert rows_of(compute(code)) == [5, None, 7]
    code = Code({"x": Column.dense(np.arange(6).reshape(3, 2))})
    code.add("scalar", code.column("x"), type="int64")
    with pytest.raises(EngineError, match="not an array of shape \\[2\\]") as raised:
        compute(code)
    assert raised.value.args[0] == "type"


def test_shapes_of_columns_and_of_computed_values() -> None:
    code = Code({"x": boxes()})
    code.column("x", "shape")
    assert rows_of(compute(code)) == [list(row.shape) for row in arrays()]
    view = subscripted(code, code.column("x"), slice(1, None), shape=[None, 4])
    code.add("shape", view, type="int64", shape=[2])
    assert rows_of(compute(code)) == [list(row[1:].shape) for row in arrays()]


def test_nonzero_and_gather() -> None:
    code = Code({"x": ragged([[0, 5, 0, 7], [], [1]], "int32", 1)})
    x = code.column("x")
    positions = code.add("nonzero", x, type="int64", shape=[None])
    assert rows_of(compute(code)) == [[1, 3], [], [0]]
    gathered = {"element": "int32", "shape": [None], "nullable": True}
    code.add("gather", x, positions, type=gathered)
    assert rows_of(compute(code)) == [[5, 7], [], [1]]
    code.add("gather", x, code.constant([0, -1], "int64"), type=gathered)
    assert rows_of(compute(code)) == [[0, 7], None, [1, 1]]


def test_gather_keeps_the_other_axes() -> None:
    code = Code({"x": boxes()})
    reverse = subscripted(code, code.column("x"), slice(None), slice(None, None, -1), shape=[None, None])
    code.add(
        "gather",
        reverse,
        code.constant([0, 0], "int64"),
        type={"element": "int32", "shape": [2, None], "nullable": True},
    )
    expected = [row[:, ::-1][[0, 0]].tolist() if len(row) else None for row in arrays()]
    assert rows_of(compute(code)) == expected


def test_nonzero_of_a_matrix_gives_index_tuples() -> None:
    values = np.array([[[0, 1], [2, 0]], [[0, 0], [0, 0]]])
    code = Code({"x": Column.dense(values)})
    code.add("nonzero", code.column("x"), type="int64", shape=[None, 2])
    got = rows_of(compute(code))
    assert got[0] == [[0, 1], [1, 0]]
    assert len(got[1]) == 0


@pytest.mark.parametrize("kernel", ["logical_and", "logical_or"])
def test_logical_of_other_shapes_is_false(kernel: str) -> None:
    columns = {
        "x": ragged([[True, False], [True], [True]], "bool", 1),
        "y": ragged([[True, True], [True, True], []], "bool", 1),
        "s": Column.dense(np.array([True, False, True])),
    }
    code = Code(columns)
    x = code.column("x")
    code.add(kernel, x, code.column("y"), shape=[None])
    first = [True, False] if kernel == "logical_and" else [True, True]
    assert rows_of(compute(code)) == [first, [False], [False]]
    code.add(kernel, x, code.column("s"), shape=[None])
    expected = [[True, False], [False], [True]] if kernel == "logical_and" else [[True, True], [True], [True]]
    assert rows_of(compute(code)) == expected


def test_logical_of_shapes_that_always_differ_is_a_scalar() -> None:
    code = Code({"x": Column.dense(np.ones((3, 2), bool)), "y": Column.dense(np.ones((3, 1), bool))})
    code.add("logical_or", code.column("x"), code.column("y"))
    assert rows_of(compute(code)) == [False, False, False]


def test_contains_looks_at_every_axis() -> None:
    columns = {"x": boxes(validity=VALID), "k": Column.dense(np.array([3, 8, 1, 2, 0, 5, 1], np.int32))}
    code = Code(columns)
    code.add("contains", code.column("x"), code.column("k"))
    keys = columns["k"].values
    expected = [bool(v and (row == k).any()) for row, k, v in zip(arrays(), keys, VALID, strict=True)]
    assert rows_of(compute(code)) == expected
    lists = Code({"x": text_list([["a", "b"], [], ["ab"]])})
    lists.add("contains", lists.column("x"), lists.constant("b", "text"))
    assert rows_of(compute(lists)) == [True, False, False]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32", "float64"])
def test_norms_and_similarities(dtype: str) -> None:
    x, y = RNG.integers(0, 9, (6, 7)).astype(dtype), RNG.integers(0, 9, (6, 7)).astype(dtype)
    x[2] = 0
    code = Code({"x": Column.dense(x), "y": Column.dense(y)})
    a, b = code.column("x"), code.column("y")
    code.add("dot", a, b, type=dtype)
    np.testing.assert_array_equal(compute(code).values, (x * y).sum(axis=1, dtype=dtype))
    wide, other = x.astype(float), y.astype(float)
    norms = np.linalg.norm(wide, axis=1) * np.linalg.norm(other, axis=1)
    code.add("cosine_similarity", a, b, type="float64")
    expected = np.divide((wide * other).sum(axis=1), norms, out=np.zeros(6), where=norms > 0)
    np.testing.assert_allclose(compute(code).values, expected)
    for kernel, order in (("l1_norm", 1), ("l2_norm", 2), ("linf_norm", np.inf)):
        code.add(kernel, a, type="float64")
        np.testing.assert_allclose(compute(code).values, np.linalg.norm(wide, order, axis=1))


def test_hamming_distance_counts_bits() -> None:
    x, y = np.array([[1, 0, 1], [-1, 0, 0]], np.int8), np.array([[0, 0, 1], [0, 0, 0]], np.int8)
    code = Code({"x": Column.dense(x), "y": Column.dense(y)})
    code.add("hamming_distance", code.column("x"), code.column("y"), type="int64")
    assert compute(code).values.tolist() == [1, 8]


def test_vectors_of_different_length_end_the_query() -> None:
    code = Code({"x": ragged([[1, 2], [1]], "int64", 1), "y": ragged([[1, 2], [1, 2]], "int64", 1)})
    code.add(
        "greater",
        code.add("dot", code.column("x"), code.column("y"), type="int64"),
        code.constant(0, "int64"),
    )
    with pytest.raises(EngineError, match="here are \\[1\\] and \\[2\\]") as raised:
        rows_where(code)
    assert raised.value.args[2] == 1


def test_arrays_of_rank_three() -> None:
    rows = [RNG.integers(0, 5, shape) for shape in ((2, 3, 2), (1, 1, 2), (0, 4, 2), (3, 2, 2))]
    offsets = np.cumsum([0, *(row.size for row in rows)], dtype=np.int64)
    shapes = np.array([row.shape for row in rows])
    column = Column.ragged(np.concatenate([row.ravel() for row in rows]), offsets, shapes)
    code = Code({"x": column})
    x = code.column("x")
    for axis in range(3):
        code.add("sum", x, type="int64", shape=[None, None], axis=axis)
        got = compute(code)
        assert got.shapes.tolist() == [list(row.sum(axis=axis).shape) for row in rows]
        assert rows_of(got) == [row.sum(axis=axis).tolist() for row in rows]
    view = subscripted(code, x, slice(None), slice(None, None, -1), 1, shape=[None, None])
    code.add("add", view, view, type="int64", shape=[None, None])
    assert rows_of(compute(code)) == [(2 * row[:, ::-1, 1]).tolist() for row in rows]
