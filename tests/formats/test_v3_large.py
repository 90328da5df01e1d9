"""The large public fixtures, row by row: TQL_V3_DATASETS names the folder that holds them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

import tql
from v3_fixtures import LOSSY_TOLERANCE, load_json

DATASETS = os.environ.get("TQL_V3_DATASETS")
pytestmark = pytest.mark.skipif(DATASETS is None, reason="TQL_V3_DATASETS is not set")


def test_coco_mini() -> None:
    folder = Path(DATASETS or "") / "coco-mini"
    expected, arrays = load_json(folder / "expected.json"), np.load(folder / "expected.npz")
    ds = tql.load(folder)
    assert len(ds) == len(expected["rows"])
    assert list(ds.schema.type_of("categories").class_names or ()) == expected["class_names"]
    for name in ("categories", "boxes"):
        joined = np.concatenate([row.reshape(-1) for row in ds[name]])
        np.testing.assert_array_equal(joined, arrays[name].reshape(-1))
    at = 0
    for number, (row, facts) in enumerate(zip(ds, expected["rows"], strict=True)):
        assert list(row["boxes"].shape) == facts["boxes_shape"]
        assert list(row["images"].shape) == facts["image_shape"]
        assert list(row["masks"].shape) == facts["mask_shape"]
        assert hashlib.sha256(row["masks"].tobytes()).hexdigest() == facts["mask_sha256"]
        stored = ds.stored_bytes("images", number)
        assert hashlib.sha256(stored).hexdigest() == facts["image_encoded_sha256"]
        probe = row["images"][:: expected["probe_step"], :: expected["probe_step"]]
        assert list(probe.shape) == facts["probe_shape"]
        wanted = arrays["probes"].reshape(-1)[at : at + probe.size].astype(int)
        assert int(np.abs(probe.reshape(-1) - wanted).max()) <= LOSSY_TOLERANCE
        at += probe.size
    for query, key in (
        ("contains(categories, 'car')", "rows_with_car"),
        ("contains(categories, 'motorcycle')", "rows_with_motorcycle"),
    ):
        assert ds.query(f"select * where {query}").indices.tolist() == expected[key]


def test_fashion_mnist() -> None:
    folder = Path(DATASETS or "") / "fashion-mnist-test"
    expected = load_json(folder / "expected.json")
    ds = tql.load(folder)
    assert len(ds) == expected["rows"]
    assert list(ds.schema.type_of("labels").class_names or ()) == expected["class_names"]
    images, labels = ds["images"], ds["labels"]
    assert images.dtype == expected["image_dtype"] and list(images.shape[1:]) == expected["image_shape"]
    assert labels.dtype == expected["label_dtype"] and list(labels.shape[1:]) == expected["label_shape"]
    assert hashlib.sha256(images.tobytes()).hexdigest() == expected["images_sha256"]
    assert hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest() == expected["labels_uint8_sha256"]
    assert np.bincount(labels[:, 0]).tolist() == expected["rows_per_class"]
