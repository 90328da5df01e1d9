"""The function catalogue and the engine's registry name the same kernels."""

from __future__ import annotations

from tql import _engine
from tql.catalogue import LANGUAGE, PLAN, kernel_names


def test_the_engine_has_every_kernel_that_the_catalogue_names() -> None:
    assert set(kernel_names()) - set(_engine.kernel_names()) == set()


def test_the_catalogue_names_every_kernel_that_the_engine_has() -> None:
    assert set(_engine.kernel_names()) - set(kernel_names()) == set()


def test_kernels_that_the_engine_calls_safe_are_not_fallible() -> None:
    safe = set(_engine.safe_kernels())
    assert safe <= set(kernel_names())
    assert not safe & {function.kernel for function in (*LANGUAGE, *PLAN) if function.fallible}
