"""The format's own package at work, in its own environment: run as a process that takes commands on stdin.

Commands and answers are pickles behind their length (u64); arrays travel as ("array", dtype, shape, bytes),
because the two sides have different versions of NumPy.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import traceback
import warnings
from typing import Any

warnings.simplefilter("ignore")

import deeplake  # noqa: E402
import numpy as np  # noqa: E402


def pack(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype != object:
        return ("array", value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: pack(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [pack(item) for item in value]
    return value


def unpack(value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 4 and value[0] == "array":
        return np.frombuffer(value[3], value[1]).reshape(value[2]).copy()
    if isinstance(value, dict):
        return {key: unpack(item) for key, item in value.items()}
    return [unpack(item) for item in value] if isinstance(value, list | tuple) else value


def rows_of(tensor: Any) -> list[Any]:
    text_like = tensor.htype in ("text", "json", "list", "tag", "sequence[text]", "sequence[json]")
    rows = []
    for number in range(len(tensor)):
        if text_like:
            value = tensor[number].data(aslist=True)
            rows.append(value["value"] if isinstance(value, dict) and "value" in value else value)
        else:
            rows.append(tensor[number].numpy(aslist=True))
    return rows


class Peer:
    def __init__(self) -> None:
        self.ds: Any = None

    def chdir(self, folder: str) -> None:
        os.chdir(folder)

    def open(self, path: str, version: str | None = None, read_only: bool = False) -> int:
        self.ds = deeplake.load(path, read_only=read_only, verbose=False)
        if version is not None:
            self.ds.checkout(version)
        return len(self.ds)

    def close(self) -> None:
        if not self.ds.read_only:
            self.ds.flush()
        self.ds.storage.clear_cache_without_flush()
        self.ds._unlock()
        self.ds = None

    def read(self) -> dict[str, Any]:
        return {name: rows_of(tensor) for name, tensor in self.ds.tensors.items()}

    def facts(self) -> dict[str, Any]:
        return {
            "info": dict(self.ds.info),
            "htypes": {name: tensor.htype for name, tensor in self.ds.tensors.items()},
            "dtypes": {name: str(tensor.dtype) for name, tensor in self.ds.tensors.items()},
            "class_names": {n: list(t.info.get("class_names") or []) for n, t in self.ds.tensors.items()},
            "changed": self.ds.has_head_changes,
            "branches": list(self.ds.branches),
        }

    def empty(self, path: str) -> None:
        self.ds = deeplake.empty(path, overwrite=True, verbose=False)

    def create_tensor(self, name: str, options: dict[str, Any]) -> None:
        self.ds.create_tensor(name, **options)

    def append(self, row: dict[str, Any]) -> None:
        self.ds.append(row, append_empty=True)

    def update(self, row: int, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self.ds[name][row] = value

    def pop(self, row: int) -> None:
        self.ds.pop(row)

    def append_file(self, name: str, path: str) -> None:
        self.ds[name].append(deeplake.read(path))

    def stored(self, name: str) -> list[Any]:
        """Bytes and shape of each row of files."""
        tensor = self.ds[name]
        return [(bytes(tensor[i].tobytes()), list(tensor[i].shape)) for i in range(len(tensor))]

    def rename_tensor(self, name: str, new: str) -> None:
        self.ds.rename_tensor(name, new)

    def delete_tensor(self, name: str) -> None:
        self.ds.delete_tensor(name)

    def diff(self) -> Any:
        return self.ds.diff(as_dict=True)

    def commit(self, message: str) -> str:
        return self.ds.commit(message)

    def checkout(self, name: str, create: bool = False) -> None:
        self.ds.checkout(name, create=create)

    def merge(self, name: str) -> None:
        self.ds.merge(name)


def serve() -> None:
    peer, stdin, stdout = Peer(), sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    while head := stdin.read(8):
        name, arguments = pickle.loads(stdin.read(struct.unpack("<Q", head)[0]))
        try:
            answer = (True, pack(getattr(peer, name)(*unpack(list(arguments)))))
        except Exception:
            answer = (False, traceback.format_exc())
        data = pickle.dumps(answer)
        stdout.write(struct.pack("<Q", len(data)) + data)
        stdout.flush()


if __name__ == "__main__":
    serve()
