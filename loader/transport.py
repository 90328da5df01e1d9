"""Sending batches between processes: a pickle whose arrays and tensors travel in anonymous shared memory.

A message lies in one memory file without a name (Linux; elsewhere it goes through the pipe), whose
descriptor is handed over the socket. The receiver maps it: arrays are not copied again, nothing counts
against the size of /dev/shm, and nothing is left behind however a process ends.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
import sys
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

from tql.loader.to_torch import is_tensor, tensor_from_parts, tensor_parts

_INLINE = 64 * 1024  # a message up to this size goes through the pipe
_ALIGN = 64
_HAS_MEMORY_FILES = sys.platform == "linux"


class _Pickler(pickle.Pickler):
    """Takes the memory of tensors out of band, as pickle does for arrays."""

    def reducer_override(self, obj: Any) -> Any:
        if is_tensor(obj) and (parts := tensor_parts(obj)) is not None:
            return tensor_from_parts, parts
        return NotImplemented


Message = list[memoryview]
"""A pickle, and behind it the memory of the arrays in it."""


def pack(value: Any) -> Message:
    """A value as a message. Raises whatever pickling it raises."""
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(value)
    return [stream.getbuffer(), *(buffer.raw() for buffer in buffers)]


def send(connection: Connection, message: Message) -> None:
    """Send a message to the process at the other end."""
    sizes = [piece.nbytes for piece in message]
    header = struct.pack(f"<{len(sizes)}q", *sizes)
    if _HAS_MEMORY_FILES and sum(sizes) > _INLINE:
        connection.send_bytes(b"m" + header)
        _send_memory(connection, message)
    else:
        connection.send_bytes(b"i" + header)
        for piece in message:
            connection.send_bytes(piece)


def receive(connection: Connection) -> Any:
    """The value of the next message. Its arrays are writable.

    Raises:
        EOFError: the other end is closed.
    """
    message = connection.recv_bytes()
    sizes = struct.unpack(f"<{(len(message) - 1) // 8}q", message[1:])
    if message[:1] == b"m":
        pieces = _receive_memory(connection, sizes)
    else:
        pieces = [memoryview(bytearray(connection.recv_bytes())) for _ in sizes]
    return pickle.loads(pieces[0], buffers=pieces[1:])


def _send_memory(connection: Connection, pieces: list[memoryview]) -> None:
    descriptor = os.memfd_create("tql-batch", os.MFD_CLOEXEC)
    try:
        starts, size = _layout([piece.nbytes for piece in pieces])
        os.ftruncate(descriptor, size)
        for start, piece in zip(starts, pieces, strict=True):
            _write_all(descriptor, piece, start)
        reduction.send_handle(connection, descriptor, None)
    finally:
        os.close(descriptor)


def _receive_memory(connection: Connection, sizes: tuple[int, ...]) -> list[memoryview]:
    descriptor = reduction.recv_handle(connection)
    try:
        starts, size = _layout(list(sizes))
        memory = memoryview(mmap.mmap(descriptor, size, mmap.MAP_SHARED | mmap.MAP_POPULATE))
    finally:
        os.close(descriptor)
    return [memory[start : start + length] for start, length in zip(starts, sizes, strict=True)]


def _layout(sizes: list[int]) -> tuple[list[int], int]:
    """Where each piece starts, aligned, and the size of all."""
    starts, end = [], 0
    for size in sizes:
        starts.append(end)
        end += -(-size // _ALIGN) * _ALIGN
    return starts, max(end, 1)


def _write_all(descriptor: int, piece: memoryview, start: int) -> None:
    written = 0
    while written < piece.nbytes:
        written += os.pwrite(descriptor, piece[written:], start + written)
