"""Damaged, truncated and hostile files are refused with an error that names file, tensor, rule and place."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tql.errors import FormatError, TQLError, UnsupportedError
from tql.loader.sources.v3 import V3Source
from v3_fixtures import ARCHIVES, apply_edits, copy_of, load_json, read_all, unpack

MESSAGES = Path(__file__).parent / "v3_damage_messages.txt"


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("damaged", tmp_path_factory.mktemp("damage"))


def cases() -> list[str]:
    import json
    import zipfile

    with zipfile.ZipFile(ARCHIVES / "damaged.zip") as archive:
        return [case["id"] for case in json.loads(archive.read("damage.json"))["cases"]]


def expected_messages() -> dict[str, str]:
    blocks = MESSAGES.read_text().strip().split("\n\n")
    return {name: message for name, _, message in (block.partition("\n") for block in blocks)}


def refuse(dataset: Path, touches: str | list[str]) -> TQLError:
    with pytest.raises(TQLError) as caught:
        source = V3Source(dataset)
        for name in touches:
            read_all(source, name)
    return caught.value


@pytest.mark.parametrize("case_id", cases())
def test_damage_is_refused_with_this_message(case_id: str, sound: Path, tmp_path: Path) -> None:
    (case,) = (c for c in load_json(sound / "damage.json")["cases"] if c["id"] == case_id)
    dataset = copy_of(sound / "ds", tmp_path / "ds")
    apply_edits(dataset, case["edits"])
    error = refuse(dataset, case["touches"])
    assert type(error) is FormatError
    if os.environ.get("TQL_GOLDEN") == "rewrite":
        known = expected_messages() if MESSAGES.exists() else {}
        known[case_id] = str(error)
        MESSAGES.write_text("\n\n".join(f"{name}\n{text}" for name, text in sorted(known.items())) + "\n")
    assert str(error) == expected_messages()[case_id]


def test_other_tensors_of_a_damaged_dataset_still_read(sound: Path, tmp_path: Path) -> None:
    dataset = copy_of(sound / "ds", tmp_path / "ds")
    for chunk in (dataset / "words" / "chunks").iterdir():
        chunk.unlink()
    source = V3Source(dataset)
    assert len(read_all(source, "num")) == 8
    with pytest.raises(FormatError, match="the file is missing"):
        read_all(source, "words")


def files_of(dataset: Path) -> list[Path]:
    return sorted(path for path in dataset.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_truncated_file_gives_a_format_error_and_never_other_rows(sound: Path, tmp_path: Path) -> None:
    dataset = copy_of(sound / "ds", tmp_path / "ds")
    intact = {name: read_all(V3Source(dataset), name) for name in V3Source(dataset).schema}
    rng = random.Random(3)
    refused = 0
    for file in files_of(dataset):
        if file.name == "chunk_set":
            continue  # a shorter list is a list too: the format can't tell that an entry is missing
        data = file.read_bytes()
        for size in sorted(
            {0, 1, len(data) - 1, *(rng.randrange(len(data)) for _ in range(3))} if data else ()
        ):
            file.write_bytes(data[:size])
            refused += reads_same_or_refuses(dataset, only_touched(file, intact))
        file.write_bytes(data)
    assert refused > 100


def test_flipped_bits_give_a_format_error_or_change_values_only(sound: Path, tmp_path: Path) -> None:
    dataset = copy_of(sound / "ds", tmp_path / "ds")
    rng = random.Random(4)
    for file in files_of(dataset):
        data = file.read_bytes()
        for _ in range(8 if data else 0):
            damaged = bytearray(data)
            damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            file.write_bytes(damaged)
            try:
                source = V3Source(dataset)
                for name in only_touched(file, dict.fromkeys(source.schema)):
                    read_all(source, name)
                    source.tensor(name).shapes(np.arange(len(source.tensor(name))))
            except (FormatError, UnsupportedError):
                pass
        file.write_bytes(data)


def only_touched(file: Path, tensors: dict[str, Any]) -> dict[str, Any]:
    """The tensor that a file belongs to; all of them for a file of the dataset."""
    return {name: rows for name, rows in tensors.items() if name in file.parts} or tensors


def reads_same_or_refuses(dataset: Path, intact: dict[str, Any]) -> bool:
    """False where all rows are as they were (the file is not needed), True where one tensor is refused."""
    refused = False
    try:
        source = V3Source(dataset)
    except FormatError:
        return True
    for name, rows in intact.items():
        try:
            got = read_all(source, name)
        except FormatError:
            refused = True
        else:
            assert repr(got) == repr(rows), name
    return refused


def test_links_out_of_the_dataset_are_not_followed(sound: Path, tmp_path: Path) -> None:
    dataset = copy_of(sound / "ds", tmp_path / "ds")
    outside = tmp_path / "outside"
    shutil.move(dataset / "words" / "chunks", outside)
    (dataset / "words" / "chunks").symlink_to(outside)
    error = refuse(dataset, ["words"])
    assert error.message == "damaged dataset: the file is a link that leaves the dataset"


def test_an_announced_billion_of_rows_is_refused_before_memory_is_taken(sound: Path, tmp_path: Path) -> None:
    dataset = copy_of(sound / "ds", tmp_path / "ds")
    (meta,) = (dataset / "versions").glob("*/words/tensor_meta.json")
    meta.write_text(meta.read_text().replace('"length": 8', f'"length": {1 << 60}'))
    index = meta.parent / "chunks_index" / "unsharded"
    index.write_bytes(index.read_bytes()[:16] + ((1 << 60) - 1).to_bytes(8, "little"))
    source = V3Source(dataset)
    with pytest.raises(FormatError, match="more items than any chunk can hold"):
        source.tensor("words").boundaries()
