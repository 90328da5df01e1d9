"""A loader as a torch IterableDataset, for those who have to hand one over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch.utils.data

if TYPE_CHECKING:
    from tql.loader.iterable import IterableLoader


class BatchDataset(torch.utils.data.IterableDataset[Any]):
    """The batches of a loader. Give it to torch's DataLoader with `batch_size=None`.

    In torch's worker processes each makes its share of the batches, which then come in torch's own order.
    """

    def __init__(self, loader: IterableLoader) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[Any]:
        info = torch.utils.data.get_worker_info()
        if info is None:
            return iter(self.loader)
        return self.loader.turn(info.id, info.num_workers)

    def __len__(self) -> int:
        return len(self.loader)

    def set_epoch(self, epoch: int) -> None:
        """As of the loader."""
        self.loader.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """As of the loader."""
        return self.loader.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As of the loader."""
        self.loader.load_state_dict(state)
