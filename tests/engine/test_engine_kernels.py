"""Every element-wise kernel and every reduction against NumPy, over all elements, edge values, lengths around
the sizes of words and blocks, slices and strided columns; and the same answer from every instruction set.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tql
from engine.engine_plans import Code, compute, ragged, rows_of, rows_where
from tql._engine import Column

SIGNED = ["int8", "int16", "int32", "int64"]
UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float32", "float64"]
NUMBERS = [*SIGNED, *UNSIGNED, *FLOATS]
ROWS = [0, 1, 31, 32, 33, 63, 64, 65, 2047, 2048, 2049, 4097]
FLAG = {"element": "bool", "shape": []}


def values_of(element: str, rows: int, seed: int) -> np.ndarray:
    """Small numbers, so that comparisons go both ways, with the ends of the range, NaN and -0.0 among
    them.
    """
    random = np.random.default_rng(seed)
    values = random.integers(0, 9, rows).astype(element)
    if element in SIGNED or element in FLOATS:
        values -= np.array(3, element)
    kind = np.finfo(element) if element in FLOATS else np.iinfo(element)
    edges = [kind.min, kind.max, 0, 1]
    if element in FLOATS:
        edges += [np.nan, np.inf, -np.inf, -0.0, kind.smallest_subnormal, 0.1]
    count = min(rows, len(edges))
    values[random.permutation(rows)[:count]] = np.array(edges, element)[:count]
    return values


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal values, NaN to NaN, and zeros of one sign."""
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    if found.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[expected == 0]))


def literal(value: Any) -> Any:
    """A number as a plan writes it."""
    if isinstance(value, np.floating) and not np.isfinite(value):
        return "nan" if np.isnan(value) else "inf" if value > 0 else "-inf"
    return value.item()


def divisors(values: np.ndarray) -> np.ndarray:
    return np.where(values == 0, np.array(3, values.dtype), values)


def remainder(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "f":
        return np.fmod(x, y)
    trivial = y == np.array(-1).astype(y.dtype) if x.dtype.kind == "i" else np.zeros(y.shape, bool)
    return np.where(trivial, np.array(0, x.dtype), np.fmod(x, np.where(trivial, np.array(1, y.dtype), y)))


ARITHMETIC: dict[str, Callable[..., np.ndarray]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "modulo": remainder,
}
COMPARE: dict[str, Callable[..., np.ndarray]] = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}
BINARY = ARITHMETIC | COMPARE


@pytest.mark.parametrize(
    ("kernel", "element"), [(k, e) for k in BINARY for e in (FLOATS if k == "divide" else NUMBERS)]
)
def test_two_operands(kernel: str, element: str) -> None:
    """Column with column, with a constant on either side, whole and cut where no vector begins."""
    result = "bool" if kernel in COMPARE else element
    for rows in ROWS:
        x, y = values_of(element, rows, rows), values_of(element, rows, rows + 1)
        if kernel == "modulo" and element not in FLOATS:
            x, y = divisors(x), divisors(y)
        constants = [np.array(value, element)[()] for value in (3, 1, 7)]
        if rows:
            constants.append(y[rows // 2])
        with np.errstate(all="ignore"):
            code = Code({"x": Column.dense(x), "y": Column.dense(y)})
            code.add(kernel, code.column("x"), code.column("y"), type=result)
            same(compute(code, 1001).values, BINARY[kernel](x, y))
            for constant in constants:
                for first in (False, True):
                    code = Code({"x": Column.dense(x)})
                    args = [code.column("x"), code.constant(literal(constant), element)]
                    code.add(kernel, *(reversed(args) if first else args), type=result)
                    operands = [x, np.full(rows, constant)]
                    expected = BINARY[kernel](*(reversed(operands) if first else operands))
                    same(compute(code, 777).values, expected)


@pytest.mark.parametrize("element", [*SIGNED, *UNSIGNED])
def test_the_remainder_of_any_two_numbers(element: str) -> None:
    """Quotients next to a whole number are where a division in floating point could go wrong."""
    random = np.random.default_rng(5)
    info = np.iinfo(element)
    wide = {
        sign * (2**bits + more) for bits in (31, 40, 52, 60, 62) for more in (-1, 0, 1) for sign in (1, -1)
    }
    for divisor in {1, 2, 3, 7, 10, 97, -3, -1, info.max, info.max - 1, info.min, *wide}:
        if divisor == 0 or not info.min <= divisor <= info.max:
            continue
        near = np.zeros(0, element)
        if divisor > 0:
            low, high = -(-info.min // divisor), info.max // divisor
            near = random.integers(low, high, 300, dtype=element, endpoint=True)
        exact = near * np.array(divisor, element)
        x = np.concatenate(
            [exact, exact - np.array(1, element), exact + np.array(1, element),
             np.array([info.min, info.max, 0, 1], element),
             random.integers(info.min, info.max, 300, dtype=element, endpoint=True)]
        )  # fmt: skip
        code = Code({"x": Column.dense(x)})
        code.add("modulo", code.column("x"), code.constant(divisor, element), type=element)
        with np.errstate(all="ignore"):
            same(compute(code).values, remainder(x, np.full(len(x), divisor, element)))


UNARY: dict[str, Callable[..., np.ndarray]] = {"negate": np.negative, "abs": np.abs, "sqrt": np.sqrt}


@pytest.mark.parametrize(
    ("kernel", "element"), [(k, e) for k in UNARY for e in (FLOATS if k == "sqrt" else NUMBERS)]
)
def test_one_operand(kernel: str, element: str) -> None:
    for rows in ROWS:
        x = values_of(element, rows, rows)
        code = Code({"x": Column.dense(x)})
        code.add(kernel, code.column("x"), type=element)
        with np.errstate(all="ignore"):
            same(compute(code, 1001).values, UNARY[kernel](x))


def converted(values: np.ndarray, element: str) -> np.ndarray:
    """Integers wrap, floats are cut towards zero and saturate, NaN becomes 0; to bool: non-zero."""
    if element == "bool":
        return values != 0
    if values.dtype.kind == "f" and element not in FLOATS:
        info = np.iinfo(element)
        low, high = float(info.min), float(info.max)
        bounded = [0 if np.isnan(v) else min(max(v, low), high) for v in values.tolist()]
        return np.array([min(max(int(v), info.min), info.max) for v in bounded], element)
    with np.errstate(all="ignore"):
        return values.astype(element)


@pytest.mark.parametrize("source", ["bool", *NUMBERS])
@pytest.mark.parametrize("target", ["bool", *NUMBERS])
def test_casts(source: str, target: str) -> None:
    for rows in (1, 33, 2049):
        values = values_of("int8", rows, rows) > 0 if source == "bool" else values_of(source, rows, rows)
        code = Code({"x": Column.dense(values)})
        code.add("cast", code.column("x"), type=target)
        same(compute(code, 1001).values, converted(values, target))


def lists_of(element: str, seed: int) -> list[np.ndarray]:
    """Lists of none, one, few and many elements."""
    random = np.random.default_rng(seed)
    lengths = [*random.integers(0, 5, 150).tolist(), 63, 64, 65, 0, 1, 300, 4097, 0]
    values = values_of(element, sum(lengths), seed)
    return np.split(values, np.cumsum(lengths)[:-1])


def wrapped(values: np.ndarray, total: int) -> Any:
    bits = 8 * values.dtype.itemsize
    total &= (1 << bits) - 1
    return total - (1 << bits) if values.dtype.kind == "i" and total >> (bits - 1) else total


def product(values: np.ndarray) -> int:
    total = 1
    for value in values.tolist():
        total *= value
        total &= (1 << 64) - 1
    return total


def reduced(kernel: str, values: np.ndarray) -> Any:
    """The value of one row; None for NULL."""
    whole = values.dtype.kind != "f"
    if kernel in ("any", "all", "all_strict"):
        found = bool((values != 0).any() if kernel == "any" else (values != 0).all())
        return found and (kernel != "all_strict" or values.size > 0)
    if kernel == "count":
        return values.size
    if kernel == "sum" and whole:
        return wrapped(values, sum(values.tolist()))
    if kernel == "prod" and whole:
        return wrapped(values, product(values))
    wide = values.astype(np.float64)
    if kernel == "sum":
        return wide.sum()
    if kernel == "prod":
        return np.multiply.reduce(wide, initial=1.0)
    if kernel in ("amin", "amax", "avg") and values.size == 0:
        return None
    if kernel in ("amin", "amax"):
        return (values.min() if kernel == "amin" else values.max()).item()
    if kernel == "avg":
        return wide.mean()
    norms = {"l1_norm": lambda v: np.abs(v).sum(), "l2_norm": lambda v: np.sqrt((v * v).sum())}
    return norms.get(kernel, lambda v: np.abs(v).max(initial=0.0))(wide)


TRUTHS = ["any", "all", "all_strict"]
NORMS = ["l1_norm", "l2_norm", "linf_norm"]
REDUCTIONS = [*TRUTHS, "count", "sum", "prod", "amin", "amax", "avg", *NORMS]


def result_of(kernel: str, element: str) -> dict[str, Any]:
    if kernel in ("any", "all", "all_strict"):
        return FLAG
    if kernel == "count":
        return {"element": "int64", "shape": []}
    wide = kernel in ("avg", "l1_norm", "l2_norm", "linf_norm")
    return {"element": "float64" if wide else element, "shape": [], "nullable": True}


def check_reduction(kernel: str, code: Code, rows: list[np.ndarray], element: str) -> None:
    found = rows_of(compute(code, 100))
    with np.errstate(all="ignore"):
        expected = [reduced(kernel, row) for row in rows]
    assert [value is None for value in found] == [value is None for value in expected]
    given = [value for value in found if value is not None]
    wanted = [value for value in expected if value is not None]
    if element in FLOATS and kernel in ("sum", "prod", "avg", "l1_norm", "l2_norm"):
        narrow = np.float32 if element == "float32" and kernel in ("sum", "prod") else np.float64
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(np.array(given), np.array(wanted, narrow), rtol=1e-6)
    elif kernel in ("avg", "l1_norm", "l2_norm"):
        np.testing.assert_allclose(np.array(given, float), np.array(wanted, float), rtol=1e-12)
    else:
        np.testing.assert_array_equal(np.array(given), np.array(wanted))


@pytest.mark.parametrize("element", NUMBERS)
@pytest.mark.parametrize("kernel", REDUCTIONS)
def test_reductions_of_lists(kernel: str, element: str) -> None:
    rows = lists_of(element, 7)
    if kernel == "prod" and element in FLOATS:  # the order of the factors decides where infinity comes in
        rows = [row[(np.abs(row) < 10) & ((row == 0) | (np.abs(row) > 0.5))] for row in rows]
    if kernel in ("avg", *NORMS) and element not in FLOATS:  # a sum that cancels out is no measure
        rows = [row[np.abs(row.astype(float)) < 1e6] for row in rows]
    code = Code({"x": ragged(rows, element, 1)})
    code.add(kernel, code.column("x"), type=result_of(kernel, element))
    check_reduction(kernel, code, rows, element)


@pytest.mark.parametrize("element", ["int8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("kernel", REDUCTIONS)
@pytest.mark.parametrize("fixed", [False, True])
def test_reductions_of_a_column_of_tables(kernel: str, element: str, fixed: bool) -> None:
    """x[:, 1] lies strided in memory."""
    random = np.random.default_rng(3)
    lengths = [4] * 230 if fixed else [*random.integers(0, 6, 230).tolist(), 0]
    tables = [random.integers(-2, 4, (length, 3)).astype(element) for length in lengths]
    column = Column.dense(np.stack(tables)) if fixed else ragged(tables, element, 2)
    code = Code({"x": column})
    part = code.add(
        "subscript", code.column("x"), code.constant(1, "int64"),
        type=element, shape=[None], items=[{"slice": [False, False, False]}, {"index": True}],
    )  # fmt: skip
    code.add(kernel, part, type=result_of(kernel, element))
    check_reduction(kernel, code, [table[:, 1] for table in tables], element)


@pytest.mark.parametrize("fixed", [False, True])
def test_columns_of_tables_with_each_other(fixed: bool) -> None:
    """Strided operands of one shape, and a strided one with a packed one."""
    random = np.random.default_rng(4)
    lengths = [3] * 200 if fixed else random.integers(0, 6, 200).tolist()
    tables = [random.random((length, 4), np.float32) for length in lengths]
    valid = random.random(200) < 0.8
    column = Column.dense(np.stack(tables), valid) if fixed else ragged(tables, "float32", 2, valid)
    lists = ragged([table[:, 0].copy() for table in tables], "float32", 1)
    code = Code({"x": column, "y": lists})

    def part(number: int) -> int:
        return code.add(
            "subscript", code.column("x"), code.constant(number, "int64"),
            type={"element": "float32", "shape": [None], "nullable": True},
            items=[{"slice": [False, False, False]}, {"index": True}],
        )  # fmt: skip

    arrays = {"element": "float32", "shape": [None], "nullable": True}
    wide = code.add("subtract", part(2), part(0), type=arrays)
    both = code.add("multiply", wide, code.column("y"), type=arrays)
    flags = code.add("greater", both, code.constant(0.1, "float32"), type={**arrays, "element": "bool"})
    code.add("any", flags, type=FLAG)
    limit = np.float32(0.1)
    expected = [
        row
        for row, table in enumerate(tables)
        if valid[row] and bool((((table[:, 2] - table[:, 0]) * table[:, 0]) > limit).any())
    ]
    assert rows_where(code, 64) == expected


def test_arrays_that_differ_in_shape_are_no_run() -> None:
    left = [np.arange(3), np.arange(2), np.arange(0), np.arange(1)]
    right = [np.arange(3), np.arange(1), np.arange(0), np.arange(4)]
    code = Code({"x": ragged(left, "int64", 1), "y": ragged(right, "int64", 1)})
    code.add("add", code.column("x"), code.column("y"), type="int64", shape=[None])
    assert rows_of(compute(code)) == [[0, 2, 4], [0, 1], [], [0, 1, 2, 3]]


@pytest.mark.parametrize("element", NUMBERS)
def test_buffers_that_are_not_as_the_engine_wants_them(element: str) -> None:
    """At an odd address, backwards, every third, a column of a table, of the other byte order."""
    x = values_of(element, 1000, 1)
    odd = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(element)
    table = np.stack([x, x, x], axis=1)
    other = x.astype(x.dtype.newbyteorder())
    spread = np.repeat(x, 3)
    for given, expected in [
        (odd, x), (x[::-1], x[::-1]), (spread[::3], x), (table[:, 1], x), (other, x), (x[3:], x[3:]),
    ]:  # fmt: skip
        made = tql.from_numpy({"x": given})
        wanted = np.flatnonzero(expected > np.array(3, element)).tolist()
        assert made.query("select * where x > 3").indices.tolist() == wanted
        same(np.asarray(made["x"][:]), np.ascontiguousarray(expected))


def test_texts_at_an_odd_address() -> None:
    words = ["cat", "a cat", "", "category", "dog", "concatenate", "tac"] * 40
    data = "".join(words).encode()
    offsets = np.cumsum([0, *(len(word) for word in words)], dtype=np.int64)
    for shift in range(1, 9):
        buffer = memoryview(b"\0" * shift + data)[shift:]
        for kernel, members, expected in [
            ("contains_text", {}, [i for i, word in enumerate(words) if "cat" in word]),
            ("equal", {}, [i for i, word in enumerate(words) if word == "cat"]),
        ]:
            code = Code({"x": Column.text(offsets, buffer)})
            code.add(kernel, code.column("x"), code.constant("cat", "text"), type=FLAG, **members)
            assert rows_where(code, 37) == expected


@pytest.mark.parametrize("count", [0, 1, 3, 40, 1000])
@pytest.mark.parametrize("length", [1, 8, 9, 20])
def test_sets_of_texts(count: int, length: int) -> None:
    """Texts shorter and longer than a word, which differ only in the middle."""
    random = np.random.default_rng(count)
    numbers = random.integers(0, 2 * max(1, count), 700)
    texts = [("x" * length + str(number) + "y" * length)[: length + 4] for number in numbers] + ["", "x"]
    wanted = sorted({texts[i] for i in random.integers(0, len(texts), count)})
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    column = Column.text(offsets, b"".join(encoded), random.random(len(texts)) < 0.9)
    code = Code({"x": column})
    code.add("in_set", code.column("x"), values=wanted)
    valid = column.validity
    expected = [i for i, text in enumerate(texts) if text in wanted and valid[i]]
    assert rows_where(code, 129) == expected
    assert np.flatnonzero(compute(code).values).tolist() == expected


@pytest.mark.parametrize("element", ["int32", "int64", "uint64", "float32", "float64"])
@pytest.mark.parametrize("count", [33, 1000, 100_000])
def test_large_sets_of_numbers(element: str, count: int) -> None:
    random = np.random.default_rng(count)
    items = np.unique(random.integers(0, 2**31, count).astype(element))
    values = np.concatenate([random.choice(items, 500), random.integers(0, 2**31, 500).astype(element)])
    if element in FLOATS:
        values[::100] = np.nan
        items = np.append(items, np.array([-0.0], element))
        values[1::100] = 0.0
    code = Code({"x": Column.dense(values)})
    code.add("in_set", code.column("x"), values=[literal(item) for item in items])
    assert rows_where(code, 333) == np.flatnonzero(np.isin(values, items)).tolist()


def fingerprint() -> str:
    """Of what arithmetic and reductions give, to the last bit."""
    digest = hashlib.sha256()
    for element in FLOATS:
        rows = [row[np.abs(row) < 1e6] * np.array(0.1, element) for row in lists_of(element, 9)]
        for kernel in REDUCTIONS:
            code = Code({"x": ragged(rows, element, 1)})
            code.add(kernel, code.column("x"), type=result_of(kernel, element))
            digest.update(compute(code, 100).values.tobytes())
        x, y = values_of(element, 3000, 1), values_of(element, 3000, 2)
        for kernel in ARITHMETIC:
            code = Code({"x": Column.dense(x), "y": Column.dense(y)})
            scaled = code.add("multiply", code.column("x"), code.constant(0.1, element), type=element)
            code.add(kernel, scaled, code.column("y"), type=element)
            found = compute(code).values
            digest.update(np.where(np.isnan(found), np.array(np.nan, element), found).tobytes())
    return digest.hexdigest()


@pytest.mark.skipif("TQL_SIMD" in os.environ, reason="this is one of the runs that the test starts")
@pytest.mark.parametrize("level", ["base", "avx2"])
def test_narrower_instruction_sets(level: str) -> None:
    tests = os.path.dirname(os.path.dirname(__file__))
    environment = os.environ | {"TQL_SIMD": level, "PYTHONPATH": tests}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    ask = [sys.executable, "-c", "from engine.test_engine_kernels import fingerprint; print(fingerprint())"]
    assert subprocess.check_output(ask, env=environment, text=True).strip() == fingerprint()
