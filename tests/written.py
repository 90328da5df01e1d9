"""Random schemas, rows and edits of datasets, and what every reader has to find afterwards."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

import tql

WORDS = ("", "a", "naïve", "🚀 rocket", 'quo"te', "line\nbreak", "x" * 300)


@dataclass(frozen=True)
class Kind:
    """A kind of tensor: how it is made, a random value for it, and the form in which values are compared.

    Attributes:
        options: arguments of `create_tensor`.
        make: a value to write.
        stored: what is read for it.
        nothing: what is read where there was no value.
        sequence: whether rows are lists of such values.
    """

    options: dict[str, Any]
    make: Callable[[Random], Any]
    stored: Callable[[Any], Any]
    nothing: Any
    sequence: bool = False

    def expected(self, value: Any) -> Any:
        if self.sequence:
            return [self.stored(item) for item in value or []]
        return copy.deepcopy(self.nothing) if value is None else self.stored(value)


def _array(dtype: str, shape: Callable[[Random], tuple[int, ...]]) -> Callable[[Random], Any]:
    def make(random: Random) -> Any:
        extents = shape(random)
        rng = np.random.default_rng(random.getrandbits(32))
        if dtype == "bool":
            return rng.random(extents) < 0.5
        if dtype.startswith("float"):
            return rng.normal(size=extents).astype(dtype)
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, extents, dtype, endpoint=True)

    return make


def _scalar(dtype: str) -> Callable[[Random], Any]:
    make = _array(dtype, lambda random: ())
    return lambda random: make(random).item() if random.random() < 0.7 else make(random)


def _as(dtype: str) -> Callable[[Any], Any]:
    return lambda value: np.atleast_1d(np.asarray(value, dtype))


def _sized(*ranges: tuple[int, int]) -> Callable[[Random], tuple[int, ...]]:
    return lambda random: tuple(random.randint(low, high) for low, high in ranges)


def _numbers(dtype: str, *ranges: tuple[int, int], htype: str = "generic", **options: Any) -> Kind:
    made = _array(dtype, _sized(*ranges))
    nothing = np.zeros((0,) * len(ranges), dtype)
    return Kind({"htype": htype, "dtype": dtype, **options}, made, _as(dtype), nothing)


def _picture(value: Any) -> Any:
    return value[..., None] if value.ndim == 2 else value


def _image(channels: bool, **options: Any) -> Kind:
    ranges = ((1, 9), (1, 9), (3, 3)) if channels else ((1, 9), (1, 9))
    nothing = np.zeros((0, 0, 0), np.uint8)
    return Kind({"htype": "image", **options}, _array("uint8", _sized(*ranges)), _picture, nothing)


def _document(random: Random) -> Any:
    return random.choice(
        [{"a": [1, 2.5, None, True], "b": {"c": "ü"}}, [], [1, [2]], 3, -0.5, "text", True, {"🚀": []}]
    )


def _boxes(random: Random) -> Any:
    return _array("float32", lambda r: (r.randint(0, 4), 4))(random)


def _polygons(random: Random) -> Any:
    return [_array("float32", lambda r: (r.randint(1, 5), 2))(random) for _ in range(random.randint(1, 3))]


def _labels(value: Any) -> Any:
    names = {"cat": 0, "dog": 1, "bird": 2}
    flat = value if isinstance(value, list) else [value]
    return np.array([names.get(item, item) for item in flat], np.uint32)


LABELS: dict[str, Any] = {"htype": "class_label", "class_names": ["cat", "dog", "bird"]}

KINDS: dict[str, Kind] = {
    **{name: Kind({"dtype": name}, _scalar(name), _as(name), np.zeros(0, name))
       for name in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
                    "float16", "float32", "float64")},
    "fixed": _numbers("float64", (2, 2), (3, 3)),
    "ragged": _numbers("int32", (0, 4), (2, 2)),
    "ragged_chunk_lz4": _numbers("int16", (0, 5), (1, 2), chunk_compression="lz4"),
    "ragged_sample_lz4": _numbers("uint32", (0, 5), sample_compression="lz4"),
    "small_chunks": _numbers("int64", (0, 6), max_chunk_size=100),
    "tiled": _numbers("int32", (0, 9), (1, 9), tiling_threshold=64, max_chunk_size=128),
    "tiled_lz4": _numbers("int32", (1, 9), (1, 9), tiling_threshold=64, chunk_compression="lz4"),
    "label": Kind(LABELS, lambda r: r.choice(["cat", "dog", 1, 2]), _labels, np.zeros(0, np.uint32)),
    "labels": Kind(
        {**LABELS, "chunk_compression": "lz4"},
        lambda r: [r.choice(["cat", "bird", 0]) for _ in range(r.randint(0, 3))],
        _labels,
        np.zeros(0, np.uint32),
    ),
    "bbox": Kind({"htype": "bbox"}, _boxes, _as("float32"), np.zeros((0, 0), np.float32)),
    "embedding": _numbers("float32", (4, 4), htype="embedding"),
    "mask": _numbers("bool", (2, 5), (3, 3), htype="binary_mask", sample_compression="lz4"),
    "segments": _numbers("uint32", (2, 5), (3, 3), htype="segment_mask"),
    "points": _numbers("int32", (0, 4), (2, 2), htype="point"),
    "keypoints": _numbers("int32", (6, 6), (0, 3), htype="keypoints_coco"),
    "image": _image(True),
    "image_png": _image(True, sample_compression="png"),
    "image_gray": _image(False, sample_compression="png"),
    "image_lz4": _image(True, chunk_compression="lz4"),
    "image_strip": _image(True, chunk_compression="png", max_chunk_size=2000),
    "image_tiled": _image(True, sample_compression="png", tiling_threshold=60),
    "text": Kind({"htype": "text"}, lambda r: r.choice(WORDS), str, ""),
    "text_chunk": Kind({"htype": "text", "chunk_compression": "lz4"}, lambda r: r.choice(WORDS), str, ""),
    "text_sample": Kind({"htype": "text", "sample_compression": "lz4"}, lambda r: r.choice(WORDS), str, ""),
    "text_small": Kind({"htype": "text", "max_chunk_size": 64}, lambda r: r.choice(WORDS), str, ""),
    "json": Kind({"htype": "json"}, _document, lambda value: value, {}),
    "json_lz4": Kind({"htype": "json", "chunk_compression": "lz4"}, _document, lambda value: value, {}),
    "list": Kind(
        {"htype": "list"}, lambda r: [r.choice([1, "a", None, 2.5]) for _ in range(r.randint(0, 3))], list, []
    ),
    "tag": Kind({"htype": "tag"}, lambda r: [r.choice(WORDS) for _ in range(r.randint(1, 3))], list, [None]),
    "polygon": Kind(
        {"htype": "polygon"},
        _polygons,
        lambda value: [np.asarray(polygon, np.float32) for polygon in value],
        [],
    ),
    "sequence": Kind(
        {"htype": "sequence", "dtype": "int32"},
        lambda r: [_array("int32", lambda _: (2,))(r) for _ in range(r.randint(1, 4))],
        _as("int32"),
        None,
        sequence=True,
    ),
    "sequence_boxes": Kind(
        {"htype": "sequence[bbox]"},
        lambda r: [_array("float32", lambda _: (2, 4))(r) for _ in range(r.randint(1, 3))],
        _as("float32"),
        None,
        sequence=True,
    ),
    "sequence_labels": Kind(
        {**LABELS, "htype": "sequence[class_label]"},
        lambda r: [r.choice(["cat", "dog", 2]) for _ in range(r.randint(1, 4))],
        _labels,
        None,
        sequence=True,
    ),
    "sequence_json": Kind(
        {"htype": "sequence[json]"},
        lambda r: [_document(r) for _ in range(r.randint(1, 3))],
        lambda value: value,
        None,
        sequence=True,
    ),
    "sequence_text": Kind(
        {"htype": "sequence[text]"},
        lambda r: [r.choice(WORDS) for _ in range(r.randint(1, 4))],
        str,
        None,
        sequence=True,
    ),
    "sequence_image": Kind(
        {"htype": "sequence[image]", "sample_compression": "png"},
        lambda r: list(_array("uint8", lambda r: (r.randint(1, 3), 4, 5, 3))(r)),
        lambda value: value,
        None,
        sequence=True,
    ),
}  # fmt: skip


def same(first: Any, second: Any) -> bool:
    """Whether two values are equal; of arrays without elements only that counts."""
    if isinstance(second, np.ndarray):
        first = np.asarray(first)
        if second.size == 0:
            return bool(first.size == 0)
        return first.dtype == second.dtype and first.shape == second.shape and bool((first == second).all())
    if isinstance(second, list):
        return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second, strict=True))
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


@dataclass
class Model:
    """What a dataset has to hold: rows of values by tensor."""

    kinds: dict[str, Kind]
    rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def random(cls, random: Random) -> Model:
        return cls({name: KINDS[name] for name in random.sample(list(KINDS), random.randint(1, 4))})

    def row(self, random: Random) -> dict[str, Any]:
        return {name: self.value(kind, random) for name, kind in self.kinds.items()}

    def value(self, kind: Kind, random: Random) -> Any:
        """A value for a tensor, now and then none."""
        return None if random.random() < 0.1 and not kind.sequence else kind.make(random)

    def create(self, dataset: tql.WritableDataset) -> None:
        for name, kind in self.kinds.items():
            dataset.create_tensor(name, **kind.options)

    def expected(self) -> dict[str, list[Any]]:
        return {name: [kind.expected(row[name]) for row in self.rows] for name, kind in self.kinds.items()}

    def edit(self, dataset: tql.WritableDataset, random: Random) -> None:
        """One random change, of the dataset and of the model."""
        choice = random.random()
        if choice < 0.4 or not self.rows:
            row = self.row(random)
            dataset.append(row)
            self.rows.append(row)
        elif choice < 0.6:
            rows = [self.row(random) for _ in range(random.randint(0, 5))]
            dataset.extend({name: [row[name] for row in rows] for name in self.kinds})
            self.rows.extend(rows)
        elif choice < 0.85:
            number = random.randrange(len(self.rows))
            names = random.sample(list(self.kinds), random.randint(1, len(self.kinds)))
            values = {name: self.value(self.kinds[name], random) for name in names}
            dataset.update_row(number, values)
            self.rows[number] = {**self.rows[number], **values}
        else:
            number = random.randrange(len(self.rows))
            dataset.pop(number)
            del self.rows[number]


def read(dataset: tql.Dataset, kinds: dict[str, Kind]) -> dict[str, list[Any]]:
    """All rows of a dataset, as this package reads them, in the form of `Model.expected`."""
    return {name: [_plain(value, kind) for value in dataset[name]] for name, kind in kinds.items()}


def _plain(value: Any, kind: Kind) -> Any:
    if kind.sequence:
        return list(value)
    if isinstance(value, list) and kind.options.get("htype") == "tag":
        return value or [None]
    return value


def check(dataset: tql.Dataset, model: Model) -> None:
    """A dataset holds what the model says."""
    assert len(dataset) == len(model.rows)
    found = read(dataset, model.kinds)
    for name, values in model.expected().items():
        for row, (got, want) in enumerate(zip(found[name], values, strict=True)):
            assert same(got, want), (name, row, got, want)
