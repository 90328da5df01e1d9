"""Q4, Q5, Q12: conditions on lists, ragged arrays and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from query.filters import rows_of
from query.line import Faster, Line, equal_rows
from query.peers import Peers, module
from tql.loader.arrays import ArrayRows, Rows, TextListRows, TextRows, narrow_offsets, offsets_of
from tql.loader.dataset import Dataset
from tql.loader.sources.numpy import MemoryColumn, NumpySource
from tql.types import Type

CLASSES = tuple(["person", "bicycle", "car", "motorcycle", "bus"] + [f"class {i}" for i in range(5, 80)])
CAR = CLASSES.index("car")


def dataset_of(name: str, rows: Rows, type_: Type) -> Dataset:
    """A dataset of one column whose rows are already laid out one behind the other."""
    return Dataset(NumpySource({name: MemoryColumn(rows, type_)}))


def lengths_and_offsets(rows: int, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """1 to `longest` elements per row."""
    lengths = np.random.default_rng(2).integers(1, longest + 1, rows)
    return lengths, offsets_of(lengths)


def texts_of(strings: np.ndarray) -> TextRows:
    """ASCII strings of an `S` array, one behind the other, laid out as those of `from_numpy`."""
    width = strings.dtype.itemsize
    letters = strings.view(np.uint8).reshape(-1, width)
    offsets = offsets_of(np.char.str_len(strings).astype(np.int64))
    return TextRows(narrow_offsets(offsets), letters[letters != 0])


def arrow_list(offsets: np.ndarray, values: Callable[[Any], Any]) -> Callable[[], Any]:
    """A maker of an Arrow list array."""

    def make() -> Any:
        arrow = module("pyarrow")
        return arrow.ListArray.from_arrays(arrow.array(offsets.astype(np.int32)), values(arrow))

    return make


def arrow_text(texts: TextRows) -> Any:
    arrow = module("pyarrow")
    offsets = arrow.py_buffer(texts.offsets.astype(np.int32))
    return arrow.Array.from_buffers(
        arrow.utf8(), len(texts), [None, offsets, arrow.py_buffer(np.ascontiguousarray(texts.data))]
    )


def contains_label(rows: int) -> Iterator[Line]:
    count = max(1, rows // 4)
    lengths, offsets = lengths_and_offsets(count, 5)
    values = np.random.default_rng(3).integers(0, len(CLASSES), offsets[-1], dtype=np.int32)
    expected = np.flatnonzero(np.logical_or.reduceat(values == CAR, offsets[:-1]))
    query = "select * where contains(categories, 'car')"

    peers = Peers({"categories": arrow_list(offsets, lambda arrow: arrow.array(values))})
    labels = dataset_of(
        "categories", ArrayRows(values, lengths[:, None]), Type("int32", (None,), class_names=CLASSES)
    )
    yield Line(
        "contains(categories, 'car'), ragged class labels",
        rows_of(labels, query),
        equal_rows(expected),
        (Faster(2.5),),
        {
            "numpy": peers.numpy(lambda: np.flatnonzero(np.logical_or.reduceat(values == CAR, offsets[:-1]))),
            "polars": peers.polars(
                lambda pl, frame: (
                    frame.lazy().select(pl.col("categories").list.contains(CAR).arg_true()).collect()
                )
            ),
            "datafusion": peers.datafusion(f"select id from t where array_has(categories, {CAR})"),
            "duckdb": peers.duckdb(f"select rowid from t where list_contains(categories, {CAR})"),
        },
        values.nbytes + offsets.nbytes,
    )

    texts = texts_of(np.array(CLASSES, dtype="S")[values])
    lists = TextListRows(narrow_offsets(offsets), texts)
    peers = Peers({"categories": arrow_list(offsets, lambda _: arrow_text(texts))})
    yield Line(
        "contains(categories, 'car'), lists of text",
        rows_of(dataset_of("categories", lists, Type("text", (None,))), query),
        equal_rows(expected),
        (Faster(4),),
        {
            "polars": peers.polars(
                lambda pl, frame: (
                    frame.lazy().select(pl.col("categories").list.contains("car").arg_true()).collect()
                )
            ),
            "datafusion": peers.datafusion("select id from t where array_has(categories, 'car')"),
            "duckdb": peers.duckdb("select rowid from t where list_contains(categories, 'car')"),
        },
        texts.data.nbytes + texts.offsets.nbytes + lists.row_offsets.nbytes,
    )


def any_box(rows: int) -> Iterator[Line]:
    count = max(1, rows // 10)
    lengths, offsets = lengths_and_offsets(count, 20)
    boxes = np.random.default_rng(4).random((offsets[-1], 4), dtype=np.float32) * 106

    def by_numpy() -> np.ndarray:
        return np.flatnonzero(np.logical_or.reduceat(boxes[:, 2] > 100, offsets[:-1]))

    shapes = np.stack([lengths, np.full(count, 4)], axis=1)
    dataset = dataset_of("boxes", ArrayRows(boxes.reshape(-1), shapes), Type("float32", (None, 4)))
    yield Line(
        "any(boxes[:,2] > 100), ragged [n, 4]",
        rows_of(dataset, "select * where any(boxes[:,2] > 100)"),
        equal_rows(by_numpy()),
        (Faster(3),),
        {"numpy": Peers({}).numpy(by_numpy)},
        boxes.nbytes + offsets.nbytes,
    )


def like_word(rows: int) -> Iterator[Line]:
    count = max(1, rows // 4)
    random = np.random.default_rng(5)
    words = ("sky", "river", "sword fight", "wordless", "dog", "a tree", "world", "wo")
    vocabulary = np.array(words, dtype="S")
    chosen = random.integers(0, len(vocabulary), (2, count))
    strings = np.char.add(np.char.add(vocabulary[chosen[0]], b" and "), vocabulary[chosen[1]])
    texts = texts_of(strings)
    has_word = np.char.find(vocabulary, b"word") >= 0
    peers = Peers({"caption": lambda: arrow_text(texts)})
    yield Line(
        "caption like '*word*', short texts",
        rows_of(dataset_of("caption", texts, Type("text")), "select * where caption like '*word*'"),
        equal_rows(np.flatnonzero(has_word[chosen[0]] | has_word[chosen[1]])),
        (Faster(4),),
        {
            "polars": peers.polars(
                lambda pl, frame: (
                    frame.lazy()
                    .select(pl.col("caption").str.contains("word", literal=True).arg_true())
                    .collect()
                )
            ),
            "datafusion": peers.datafusion("select id from t where caption like '%word%'"),
            "duckdb": peers.duckdb("select rowid from t where caption like '%word%'"),
        },
        texts.data.nbytes + texts.offsets.nbytes,
    )
