"""Branches, commits and merges that both sides make."""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import tql
from interop.turns import check_ours, check_theirs
from written import KINDS, Model


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.randoms(use_true_random=False), st.integers(0, 10_000))
def test_random_edits_are_read_by_both(peer: Any, tmp_path: Path, random: Random, number: int) -> None:
    model = Model.random(random)
    path = str(tmp_path / f"{number}")
    kept: dict[str, Model] = {}
    with tql.empty(path, overwrite=Path(path).exists()) as dataset:
        model.create(dataset)
        for _ in range(random.randint(3, 15)):
            model.edit(dataset, random)
            if random.random() < 0.2:
                kept[dataset.commit("step", allow_empty=True)] = copy.deepcopy(model)
    dataset.close()
    for version, state in {"main": model, **kept}.items():
        check_ours(path, state, version)
        if all(any(row[name] is not None for row in state.rows) for name in state.kinds):
            check_theirs(peer, path, state, version)  # it does not read tensors that never had a value


def test_branches_of_both_are_merged(peer: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "ds")
    ours = tql.empty(path)
    ours.create_tensor("x", dtype="int64")
    ours.create_tensor("label", **KINDS["label"].options)
    ours.extend({"x": range(3), "label": ["cat", "dog", "cat"]})
    ours.commit("three")
    ours.checkout("side", create=True)
    ours.append({"x": 10, "label": "bird"})
    ours[0].update(x=100)
    ours.commit("on side")
    ours.checkout("main")
    ours.append({"x": 20, "label": "dog"})
    ours.commit("on main")
    ours.close()

    peer.open(path)
    peer.merge("side")
    peer.close()
    merged = tql.load(path)
    assert sorted(merged["x"].ravel().tolist()) == [1, 2, 10, 20, 100]

    with tql.load(path, read_only=False) as ours:
        ours.append({"x": 30, "label": "cat"})
        ours.commit("after the merge")
        ours.pop(0)
    ours.close()
    peer.open(path, None, True)
    assert sorted(int(np.ravel(value)[0]) for value in peer.read()["x"])[-1] in (30, 100)
    peer.close()


def test_facts(peer: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "ds")
    with tql.empty(path) as ours:
        ours.info["title"] = "ü"
        ours.info.update(numbers=[1, 2.5], nested={"a": None})
        ours.create_tensor("left/images", htype="image", sample_compression="jpeg")
        ours.create_tensor("boxes", htype="bbox", properties={"coords": {"type": "pixel", "mode": "LTRB"}})
        ours.create_tensor("labels", htype="class_label", class_names=["a"])
        ours.append({"left/images": np.zeros((4, 5, 3), np.uint8), "boxes": [[1, 2, 3, 4]], "labels": "b"})
    assert ours.commit("first")
    ours.info["title"] = "second"
    ours.close()
    peer.open(path)
    facts = peer.facts()
    assert facts["info"] == {"title": "second", "numbers": [1, 2.5], "nested": {"a": None}}
    assert facts["htypes"] == {"boxes": "bbox", "labels": "class_label", "left/images": "image"}
    assert facts["class_names"]["labels"] == ["a", "b"]
    assert facts["changed"] is True
    peer.commit("seen")
    peer.checkout("theirs", True)
    peer.close()
    assert set(tql.load(path).branches) == {"main", "theirs"}


def test_links(peer: Any, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8)
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels).save(tmp_path / name)
    path = str(tmp_path / "ds")
    with tql.empty(path) as ours:
        ours.create_tensor("image", htype="link[image]", sample_compression="png")
        ours.create_tensor("frames", htype="sequence[link[image]]", sample_compression="png")
        for name in ("a.png", "b.png"):
            ours.append({"image": tmp_path / name, "frames": [str(tmp_path / "a.png")] * 2})
        ours[1].update(image=tql.read(tmp_path / "a.png"))
    ours.close()
    peer.open(path)
    found = peer.read()
    assert [np.array_equal(row, pixels) for row in found["image"]] == [True, True]
    assert [len(row) for row in found["frames"]] == [2, 2]
    peer.commit("theirs")
    peer.close()
    assert tql.load(path)["image"].tolist() == [str(tmp_path / "a.png")] * 2
