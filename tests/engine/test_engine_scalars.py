"""Comparisons, logic, arithmetic, casts and sets on scalars, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from engine.engine_plans import Code, MemorySource, compute, project_of, ragged, rows_of, rows_where, run
from engine.simd_levels import COMPARE
from tql._engine import Column, EngineError

INTS = [f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)]
NUMBERS = [*INTS, "float32", "float64"]


def numbers(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of some awkward values of a dtype."""
    if dtype.startswith("float"):
        some = np.array([0.0, -0.0, 1.5, -7.0, 3.0, np.inf, -np.inf, np.nan], dtype)
    else:
        info = np.iinfo(dtype)
        some = np.array([0, 1, 2, 3, 7, info.max, info.min, info.max - 1], dtype)
        if info.min < 0:
            some = np.append(some, np.array([-1, -7], dtype))
    left, right = np.meshgrid(some, some)
    return left.ravel(), right.ravel()


def binary(kernel: str, x: Column, y: Column, result: str) -> Column:
    code = Code({"x": x, "y": y})
    shape = [] if x.rank == y.rank == 0 else [None] * max(x.rank, y.rank)
    code.add(
        kernel, code.column("x"), code.column("y"), type={"element": result, "shape": shape, "nullable": True}
    )
    return compute(code, partition=37)


@pytest.mark.parametrize("dtype", ["bool", *NUMBERS])
@pytest.mark.parametrize("kernel", COMPARE)
def test_comparisons_of_two_columns(kernel: str, dtype: str) -> None:
    left, right = (
        (np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)) if dtype == "bool" else numbers(dtype)
    )
    result = binary(kernel, Column.dense(left), Column.dense(right), "bool")
    assert result.values.tolist() == COMPARE[kernel](left, right).tolist()


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("kernel", COMPARE)
@pytest.mark.parametrize("constant_first", [False, True])
def test_fused_comparisons_with_a_constant(kernel: str, dtype: str, constant_first: bool) -> None:
    left, _ = numbers(dtype)
    code = Code({"x": Column.dense(left)})
    args = [code.column("x"), code.constant(3, dtype)]
    code.add(kernel, *(args[::-1] if constant_first else args))
    three = np.array(3, dtype)
    expected = COMPARE[kernel](three, left) if constant_first else COMPARE[kernel](left, three)
    assert rows_where(code, partition=29) == np.flatnonzero(expected).tolist()


@pytest.mark.parametrize("constant", [5, -1, 300, 2**40])
def test_a_cast_column_against_a_wider_constant(constant: int) -> None:
    values = np.array([5, 0, 255, 4], np.uint8)
    code = Code({"x": Column.dense(values)})
    code.add("less", code.add("cast", code.column("x"), type="int64"), code.constant(constant, "int64"))
    assert rows_where(code) == np.flatnonzero(values.astype(np.int64) < constant).tolist()


def test_float32_compares_with_double_constants_in_double() -> None:
    code = Code({"x": Column.dense(np.array([0.1, 0.5], np.float32))})
    code.add("equal", code.add("cast", code.column("x"), type="float64"), code.constant(0.1, "float64"))
    assert rows_where(code) == []


@pytest.mark.parametrize("kernel", COMPARE)
def test_signed_with_unsigned_by_value(kernel: str) -> None:
    left = np.array([-1, 0, 2**63 - 1, -(2**63)], np.int64)
    right = np.array([2**64 - 1, 0, 2**63, 2**63], np.uint64)
    expected = [
        bool(COMPARE[kernel](int(a), int(b))) for a, b in zip(left.tolist(), right.tolist(), strict=True)
    ]
    assert binary(kernel, Column.dense(left), Column.dense(right), "bool").values.tolist() == expected
    mirrored = [
        bool(COMPARE[kernel](int(b), int(a))) for a, b in zip(left.tolist(), right.tolist(), strict=True)
    ]
    assert binary(kernel, Column.dense(right), Column.dense(left), "bool").values.tolist() == mirrored


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("kernel", ["add", "subtract", "multiply"])
def test_arithmetic_wraps_around(kernel: str, dtype: str) -> None:
    left, right = numbers(dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, kernel)(left, right)
    result = binary(kernel, Column.dense(left), Column.dense(right), dtype)
    np.testing.assert_array_equal(result.values, expected)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_modulo_has_the_sign_of_the_dividend(dtype: str) -> None:
    left, right = numbers(dtype)
    keep = right != 0
    with np.errstate(all="ignore"):
        expected = np.fmod(left[keep], right[keep])
    result = binary("modulo", Column.dense(left[keep]), Column.dense(right[keep]), dtype)
    np.testing.assert_array_equal(result.values, expected)


def test_integer_modulo_by_zero_names_the_row() -> None:
    divisors = np.ones(5000, np.int64)
    divisors[4321] = 0
    code = Code({"x": Column.dense(np.arange(5000)), "y": Column.dense(divisors)})
    code.add("modulo", code.column("x"), code.column("y"), type="int64", span=[3, 9])
    for threads in (1, 2):
        with pytest.raises(EngineError) as raised:
            compute(code, partition=1000, threads=threads)
        assert raised.value.args[:5] == ("runtime", "integer modulo by zero", 4321, 3, 9)


def test_modulo_by_zero_in_a_null_row_is_null() -> None:
    x = Column.dense(np.array([1, 2]), np.array([True, False]))
    assert rows_of(binary("modulo", x, Column.dense(np.array([1, 0])), "int64")) == [0, None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_division(dtype: str) -> None:
    left, right = numbers(dtype)
    with np.errstate(all="ignore"):
        expected = left / right
    np.testing.assert_array_equal(
        binary("divide", Column.dense(left), Column.dense(right), dtype).values, expected
    )


@pytest.mark.parametrize("kernel", ["negate", "abs"])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_unary_minus_and_abs(kernel: str, dtype: str) -> None:
    values, _ = numbers(dtype)
    code = Code({"x": Column.dense(values)})
    code.add(kernel, code.column("x"), type=dtype)
    expected = np.negative(values) if kernel == "negate" else np.absolute(values)
    np.testing.assert_array_equal(compute(code).values, expected)


def test_float16_is_computed_in_float32() -> None:
    values = np.array([1.5, -2.0, 65504.0, 6e-8, np.nan, np.inf], np.float16)
    code = Code({"x": Column.dense(values)})
    x = code.column("x")
    code.add("add", x, x, type="float16")
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(compute(code).values, values + values)
    code.add("greater", x, code.constant(1.0, "float16"))
    np.testing.assert_array_equal(compute(code).values, values > 1)


@pytest.mark.parametrize("source", ["bool", *NUMBERS, "float16"])
@pytest.mark.parametrize("target", ["bool", *NUMBERS, "float16"])
def test_casts_keep_what_fits(source: str, target: str) -> None:
    values = np.array([0, 1, 5, 100], source)
    code = Code({"x": Column.dense(values)})
    code.add("cast", code.column("x"), type=target)
    assert compute(code).values.tolist() == values.astype(target).tolist()


def test_casts_of_floats_out_of_range_are_defined() -> None:
    code = Code({"x": Column.dense(np.array([np.nan, np.inf, -np.inf, 1e30, -1.9, 255.9]))})
    x = code.column("x")
    for dtype, expected in (
        ("uint8", [0, 255, 0, 255, 0, 255]),
        ("int64", [0, 2**63 - 1, -(2**63), 2**63 - 1, -1, 255]),
    ):
        code.add("cast", x, type=dtype)
        assert compute(code).values.tolist() == expected


BOOLS = [True, True, True, False, False, False, None, None, None]
OTHERS = [True, False, None] * 3


def flags(values: list[bool | None]) -> Column:
    return Column.dense(np.array([v is True for v in values]), np.array([v is not None for v in values]))


@pytest.mark.parametrize("kernel", ["and", "or"])
def test_null_counts_as_false(kernel: str) -> None:
    pairs = zip(BOOLS, OTHERS, strict=True)
    expected = [(a is True and b is True) if kernel == "and" else (a is True or b is True) for a, b in pairs]
    assert rows_of(binary(kernel, flags(BOOLS), flags(OTHERS), "bool")) == expected


def test_not_is_null_and_truth() -> None:
    code = Code({"x": flags([True, False, None])})
    x = code.column("x")
    for kernel, expected in (
        ("not", [False, True, True]),
        ("is_null", [False, False, True]),
        ("truth", [True, False, False]),
    ):
        code.add(kernel, x)
        assert rows_of(compute(code)) == expected


def test_null_in_comparisons_and_arithmetic() -> None:
    x = Column.dense(np.array([1, 2, 3]), np.array([True, False, True]))
    y = Column.dense(np.array([1, 1, 1]), np.array([True, True, False]))
    assert rows_of(binary("equal", x, y, "bool")) == [True, None, None]
    assert rows_of(binary("add", x, y, "int64")) == [2, None, None]


def test_truth_of_arrays() -> None:
    code = Code({"x": ragged([[2], [], [0]], "int64", 1)})
    code.add("truth", code.column("x"))
    assert rows_of(compute(code)) == [True, False, False]
    code = Code({"x": ragged([[2], [1, 2]], "int64", 1)})
    code.add("truth", code.column("x"), span=[0, 1])
    with pytest.raises(EngineError, match="use ANY or ALL for an array of shape \\[2\\]") as raised:
        rows_where(code)
    assert (raised.value.args[0], raised.value.args[2:5]) == ("type", (1, 0, 1))


@pytest.mark.parametrize("dtype", ["bool", *NUMBERS])
def test_in_set(dtype: str) -> None:
    values = np.array([0, 1], bool) if dtype == "bool" else numbers(dtype)[0]
    items = [True] if dtype == "bool" else [0, 3, 7]
    code = Code({"x": Column.dense(values)})
    code.add("in_set", code.column("x"), values=items)
    assert compute(code).values.tolist() == np.isin(values, items).tolist()


@pytest.mark.parametrize(
    "items",
    [
        [],
        [5],
        [-(2**63), 2**63 - 1],
        list(range(0, 10**7, 1000)),
        [2**40, 2**40 + 1, 0],
        list(range(-5, 500)),
    ],
)
def test_in_sets_of_any_spread(items: list[int]) -> None:
    values = np.array([-(2**63), -5, 0, 5, 499, 1000, 2**40, 2**63 - 1])
    code = Code({"x": Column.dense(values, np.array([1, 1, 0, 1, 1, 1, 1, 1], bool))})
    code.add("in_set", code.column("x"), values=items)
    assert rows_of(compute(code)) == [v in items and v != 0 for v in values.tolist()]


def test_nan_is_in_no_set_and_zeros_are_one() -> None:
    code = Code({"x": Column.dense(np.array([np.nan, -0.0, 2.5]))})
    code.add("in_set", code.column("x"), values=["nan", 0.0, 2.5])
    assert rows_of(compute(code)) == [False, True, True]


def test_weights_take_the_cases_that_hold() -> None:
    columns = {"a": flags([True, False, None, True]), "b": flags([True, True, False, False])}
    code = Code(columns)
    a, b = code.column("a"), code.column("b")
    code.add("max_weight", a, b, type="float64", weights=[10, 5])
    assert compute(code).values.tolist() == [10.0, 5.0, 0.0, 10.0]
    code.add("sum_weight", a, b, type="float64", weights=[10, 5])
    assert compute(code).values.tolist() == [15.0, 5.0, 0.0, 10.0]
    code.add("max_weight", a, b, type="float64", weights=[-1, "nan"])
    assert compute(code).values.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_row_number_and_random_do_not_depend_on_partitions_or_threads() -> None:
    columns = {"x": Column.dense(np.arange(10_000))}
    code = Code(columns)
    code.column("x")
    code.add("row_number", type="int64")
    assert compute(code, partition=77).values.tolist() == list(range(10_000))
    code.add("random", type="int32")
    once = compute(code, partition=77, threads=1, seed=3).values
    assert (once >= 0).all()
    assert len(np.unique(once)) > 9_900
    assert once.tolist() == compute(code, threads=2, seed=3).values.tolist()
    assert once.tolist() != compute(code, seed=4).values.tolist()
    two = Code(columns)
    two.add("equal", two.add("random", type="int32"), two.add("random", type="int32"))
    assert rows_where(two) == []


def test_a_program_of_constants_repeats_for_every_row() -> None:
    code = Code({"x": Column.dense(np.arange(5000))})
    code.constant([[1, 2], [3, 4]], "int64")
    source = MemorySource(code.columns)
    result = run(project_of({"x": code}), source, ["x"]).columns["x"]
    assert result.values.shape == (5000, 2, 2)
    assert result.values[4999].tolist() == [[1, 2], [3, 4]]
    assert source.reads == []
