"""The function catalogue and the engine's registry name the same kernels."""

from __future__ import annotations

from tql import _engine
from tql.catalogue import kernel_names


def test_the_engine_has_every_kernel_that_the_catalogue_names() -> None:
    assert set(kernel_names()) - set(_engine.kernel_names()) == set()


def test_the_catalogue_names_every_kernel_that_the_engine_has() -> None:
    assert set(_engine.kernel_names()) - set(kernel_names()) == set()
