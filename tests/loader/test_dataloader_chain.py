"""The chain of calls: what each one refuses, with which words, and what it leaves alone."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fake_view import FakeView, jpeg
from tql.errors import ArgumentError, MissingDependencyError, QueryValueError, UnknownColumnError
from tql.loader.dataloader import DataLoader

NO_TORCH = "pytorch() needs torch\n  pip install tql[torch]"
AGAIN = "every call returns a new loader: call it on the loader before that one"
ONE_KIND = "a loader hands over one kind of batch"
Chain = Callable[[DataLoader], object]


def view(rows: int = 10, **options: Any) -> FakeView:
    columns = {"images": np.zeros((rows, 2, 2), np.uint8), "labels": np.arange(rows) % 5}
    return FakeView(columns, **options)


def loader(rows: int = 10) -> DataLoader:
    return DataLoader(view(rows))


def identity(value: Any) -> Any:
    return value


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (lambda x: x.batch(2).batch(2), f"batch() was already called on this loader\n  {AGAIN}"),
        (lambda x: x.shuffle().shuffle(), f"shuffle() was already called on this loader\n  {AGAIN}"),
        (lambda x: x.shuffle(False).shuffle(), f"shuffle() was already called on this loader\n  {AGAIN}"),
        (
            lambda x: x.transform(identity).transform(identity),
            f"transform() was already called on this loader\n  {AGAIN}",
        ),
        (
            lambda x: x.numpy().numpy(),
            f"numpy() after numpy(): {ONE_KIND}\n  {AGAIN}",
        ),
        (lambda x: x.batch(0), "batch_size must be at least 1, got 0"),
        (lambda x: x.batch(-3), "batch_size must be at least 1, got -3"),
        (lambda x: x.batch(2.0), "batch_size must be an integer, got 2.0"),
        (lambda x: x.batch(True), "batch_size must be an integer, got True"),
        (lambda x: x.shuffle(buffer_size=0), "buffer_size must be positive, got 0"),
        (lambda x: x.shuffle(buffer_size="1GB"), "buffer_size must be a number of megabytes, got '1GB'"),
        (lambda x: x.transform(3), "transform must be callable, got 3"),
        (lambda x: x.transform({"labels": 3}), "transform of column 'labels' must be callable, got 3"),
        (
            lambda x: x.transform({"labels": None}, size=2),
            "keyword arguments need a single callable, got a dict and size\n"
            "  bind them with functools.partial",
        ),
        (
            lambda x: x.transform({"labels": None}).numpy(tensors=["images"]),
            "tensors= and the keys of the transform name different columns: 'images' and 'labels'\n"
            "  leave out tensors=: the keys of the transform choose the columns",
        ),
        (lambda x: x.numpy(num_workers=-1), "num_workers must be at least 0, got -1"),
        (lambda x: x.numpy(num_threads=0), "num_threads must be at least 1, got 0"),
        (lambda x: x.numpy(prefetch_factor=0), "prefetch_factor must be at least 1, got 0"),
        (lambda x: x.numpy(tensors="images"), "tensors must be a list of column names, got 'images'"),
        (
            lambda x: x.numpy(decode_method={"images": "rgb"}),
            "decode_method of column 'images' must be one of 'numpy', 'tobytes', 'pil', 'data', got 'rgb'",
        ),
        (
            lambda x: x.numpy(decode_method={"images": "pil"}),
            "decode_method 'pil' needs samples stored as jpeg or png, "
            "column 'images' is stored without compression\n"
            "  use decode_method={'images': 'numpy'}",
        ),
        (
            lambda x: x.numpy(decode_method="pil"),
            "decode_method must be a dict of column name to method, got 'pil'",
        ),
        (lambda x: x.sample_by("labels", size=-1), "size must not be negative, got -1"),
        (lambda x: x.sample_by("labels", size=2.5), "size must be an integer, got 2.5"),
        (
            lambda x: x.sample_by([1, 2, 3]),
            "weights must have one number per row: 10 rows, got 3 weights",
        ),
        (
            lambda x: x.sample_by(np.ones((10, 2))),
            "weights must be one-dimensional, one number per row, got shape [10, 2]",
        ),
        (
            lambda x: x.sample_by([[1], [2, 3]]),
            "weights must be one-dimensional, one number per row, got rows of different lengths",
        ),
        (
            lambda x: x.sample_by(["a"] * 10),
            "weights must be a TQL expression or one number per row, got list",
        ),
        (lambda x: x.sample_by([1, 1, -2, -3] + [1] * 6), "the weight of row 2 is negative: -2"),
        (lambda x: x.sample_by([1, np.nan] + [1] * 8), "the weight of row 1 is not a number: nan"),
        (lambda x: x.sample_by([np.inf] + [1] * 9), "the weight of row 0 is infinite: inf"),
        (
            lambda x: x.sample_by([0] * 10),
            "all weights are zero, so that no row can be drawn\n"
            "  give at least one row a positive weight; 'true: 1' in max_weight(...) covers all the rest",
        ),
        (lambda x: x.set_epoch(-1), "epoch must be at least 0, got -1"),
        (lambda x: DataLoader(x.view, seed="a"), "a seed must be an integer from 0 to 2^64 - 1, got 'a'"),
    ],
)
def test_unusable_arguments(chain: Chain, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        chain(loader())
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "chain",
    [
        lambda x: x.numpy(tensors=["lables"]),
        lambda x: x.transform({"lables": None}),
        lambda x: x.numpy(decode_method={"lables": "numpy"}),
    ],
)
def test_unknown_columns(chain: Chain) -> None:
    with pytest.raises(UnknownColumnError) as caught:
        chain(loader())
    assert str(caught.value) == ("no column named 'lables'\n  did you mean 'labels'? columns: images, labels")


def test_zero_weights_of_an_expression() -> None:
    with pytest.raises(QueryValueError, match="all weights are zero"):
        DataLoader(FakeView({"w": np.zeros(4)})).sample_by("w")


def test_shuffle_keeps_its_hands_off_a_chosen_order() -> None:
    message = (
        "shuffle() would throw away the order that was chosen for these rows\n"
        "  leave out shuffle() to keep it, or leave out ORDER BY (sort the index list) to shuffle"
    )
    chosen = DataLoader(view(order_chosen=True))
    for chain in (chosen.shuffle, lambda: loader().shuffle().query("order by labels")):
        with pytest.raises(ArgumentError) as caught:
            chain()
        assert str(caught.value) == message
    assert len(chosen.shuffle(False)) == 10
    assert len(chosen.sample_by("labels").shuffle()) == 10
    assert len(loader().query("labels == 2").shuffle()) == 2


def test_each_call_returns_a_new_loader() -> None:
    start = loader()
    steps = [
        start.batch(4),
        start.shuffle(),
        start.transform(identity),
        start.numpy(),
        start.sample_by("labels"),
    ]
    assert len({id(step) for step in [start, *steps]}) == 6
    assert len(start) == 10
    assert [batch["labels"].tolist() for batch in start] == [[i % 5] for i in range(10)]


@pytest.mark.parametrize(
    ("rows", "size", "drop_last", "batches"),
    [(10, 4, False, 3), (10, 4, True, 2), (8, 4, False, 2), (3, 4, True, 0), (1, 1, False, 1)],
)
def test_length_is_the_number_of_batches(rows: int, size: int, drop_last: bool, batches: int) -> None:
    chained = loader(rows).batch(size, drop_last=drop_last)
    assert len(chained) == batches == len(list(chained))


def test_without_replacement_only_rows_of_positive_weight_come_and_a_warning_says_so() -> None:
    weights = [i % 5 for i in range(10)]
    with pytest.warns(UserWarning) as caught:
        sampled = loader().sample_by(weights, replace=False)
    assert str(caught[0].message) == (
        "only 8 of 10 rows have a positive weight: 8 rows are drawn without replacement, not 10"
    )
    assert caught[0].filename == __file__
    assert len(sampled) == 8 == len(list(sampled))
    assert sorted(int(batch["labels"][0]) for batch in sampled) == [1, 1, 2, 2, 3, 3, 4, 4]


def test_enough_rows_give_no_warning() -> None:
    assert len(loader().sample_by("labels", replace=False, size=8)) == 8


def test_sampling_draws_anew_in_each_epoch_and_starts_with_the_draw_of_the_view() -> None:
    rows = view(100)
    sampled = DataLoader(rows, seed=6).sample_by("labels").batch(100).numpy()
    first, second = (batch["labels"].tolist() for _ in range(2) for batch in sampled)
    assert first == rows.sample_by(rows.weights_for("labels"), seed=6).columns["labels"]
    assert first != second
    assert 0 not in first


def test_a_query_after_a_sample_fixes_the_draw() -> None:
    rows = view(100)
    chained = DataLoader(rows, seed=6).sample_by("labels").query("labels == 3").batch(1000).numpy()
    drawn = rows.sample_by(rows.weights_for("labels"), seed=6)
    expected = drawn.indices[np.asarray(drawn.columns["labels"]) == 3].tolist()
    assert chained.view.indices.tolist() == expected
    assert len(next(iter(chained))["labels"]) == len(expected)


def test_a_second_sample_draws_from_the_first() -> None:
    rows = view(100)
    twice = DataLoader(rows).sample_by("labels", size=5).sample_by([0, 1, 0, 0, 0], size=20).batch(20)
    labels = next(iter(twice))["labels"]
    assert len(set(labels.tolist())) == 1


def test_an_empty_view_has_no_batches() -> None:
    empty = FakeView({"x": np.arange(3)}).chosen(np.arange(0))
    assert len(empty) == 0 == len(DataLoader(empty).shuffle().batch(4))
    assert list(DataLoader(empty).sample_by([]).shuffle().batch(4)) == []


def test_a_loader_pickles_with_its_epoch() -> None:
    chained = loader(50).shuffle().batch(7).numpy()
    list(chained)
    copy = pickle.loads(pickle.dumps(chained))
    assert [b["labels"].tolist() for b in copy] == [b["labels"].tolist() for b in chained]


def test_its_repr_says_what_it_does() -> None:
    chained = loader().sample_by("labels", size=4).shuffle().batch(2).numpy()
    assert repr(chained) == "DataLoader(4 drawn of 10 rows, shuffled, batches of 2, numpy)"


def test_pytorch_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError) as caught:
        loader().pytorch()
    assert str(caught.value) == NO_TORCH


class TestTorch:
    """Calls that need torch."""

    @pytest.fixture(autouse=True)
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    def test_one_kind_of_batch(self) -> None:
        with pytest.raises(ArgumentError) as caught:
            loader().pytorch().numpy()
        assert str(caught.value) == f"numpy() after pytorch(): {ONE_KIND}\n  {AGAIN}"
        with pytest.raises(ArgumentError, match=r"^pytorch\(\) after numpy\(\): "):
            loader().numpy().pytorch()

    def test_calls_come_in_any_order(self) -> None:
        start = DataLoader(view(50), seed=2)
        one = start.shuffle().transform({"labels": identity}).batch(8).pytorch()
        other = start.pytorch().batch(8).transform({"labels": identity}).shuffle()
        for left, right in zip(one, other, strict=True):
            assert left["labels"].tolist() == right["labels"].tolist()
            assert left["index"].tolist() == right["index"].tolist()

    def test_a_column_named_index(self) -> None:
        named = DataLoader(FakeView({"index": np.arange(3), "x": np.arange(3)}))
        with pytest.raises(ArgumentError) as caught:
            named.pytorch()
        assert str(caught.value) == (
            "return_index=True would replace the column named 'index'\n"
            "  pass return_index=False, or leave the column out with tensors="
        )
        assert list(next(iter(named.pytorch(return_index=False)))) == ["index", "x"]
        assert list(next(iter(named.pytorch(tensors=["x"])))) == ["x", "index"]

    def test_distributed_needs_to_know_its_rank(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RANK", raising=False)
        monkeypatch.delenv("WORLD_SIZE", raising=False)
        with pytest.raises(ArgumentError) as caught:
            len(loader().pytorch(distributed=True))
        assert str(caught.value) == (
            "distributed=True, but torch.distributed is not initialised and RANK and WORLD_SIZE are not set\n"
            "  start with torchrun, call torch.distributed.init_process_group() first, or leave it out"
        )

    def test_ranks_see_all_rows_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WORLD_SIZE", "2")
        rows = []
        for rank in (0, 1):
            monkeypatch.setenv("RANK", str(rank))
            part = DataLoader(view(20), seed=1).shuffle().batch(3).pytorch(distributed=True)
            assert len(part) == 4
            rows.append([batch["index"].tolist() for batch in part])
        whole = [b["index"].tolist() for b in DataLoader(view(20), seed=1).shuffle().batch(6).pytorch()]
        assert [left + right for left, right in zip(*rows, strict=True)] == whole


def test_a_jpeg_column_may_be_read_with_pillow() -> None:
    images = FakeView({"images": [jpeg(np.zeros((8, 8, 3), np.uint8))] * 2})
    assert len(DataLoader(images).numpy(decode_method={"images": "pil"})) == 2
