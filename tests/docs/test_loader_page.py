"""What docs/dataloader.md shows runs, and the arguments that it names are there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import numpy as np

import tql

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "dataloader.md").read_text()


def test_examples_run() -> None:
    view = tql.from_numpy({"labels": np.arange(20)})
    namespace = {"loader": view.dataloader(seed=0).shuffle().batch(4).numpy()}
    examples = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert examples
    for example in examples:
        exec(compile(example, "dataloader.md", "exec"), namespace)


def test_every_argument_is_spoken_of_or_documented() -> None:
    for call in tql.DataLoader.numpy, tql.DataLoader.pytorch:
        text = (call.__doc__ or "") + (tql.DataLoader.numpy.__doc__ or "")
        for name in inspect.signature(call).parameters:
            assert name == "self" or re.search(rf"\b{name}:", text), name


def test_names_on_the_page_exist() -> None:
    arguments = {
        name
        for call in (tql.DataLoader.numpy, tql.DataLoader.pytorch, tql.DataLoader.batch)
        for name in inspect.signature(call).parameters
    }
    for name in re.findall(r"`([a-z_]+)=[^`]*`", PAGE):
        assert name in arguments | {"seed"}, name
    for name in re.findall(r"`loader\.([a-z_]+)", PAGE):
        assert hasattr(tql.DataLoader, name), name
