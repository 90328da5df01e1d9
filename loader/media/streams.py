"""Video and audio."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray


def describe_video(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """(frames, height, width, 3) as the header announces them."""
    import av

    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        frames = stream.frames
        if frames == 0:
            rate = float(stream.guessed_rate or 0)
            frames = int(_seconds(stream, container.duration, av.time_base) * rate)
        codec = stream.codec_context
        return (frames, codec.height, codec.width, 3), np.dtype(np.uint8)


def read_video(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """All frames in order; those that the file announces and lacks are black."""
    import av

    frames, height, width, _ = shape
    values = np.zeros((frames, height, width, 3), np.uint8)
    with av.open(io.BytesIO(data), "r") as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= frames:
                break
            if (frame.height, frame.width) != (height, width):
                raise ValueError(f"a frame is {frame.height} x {frame.width}")
            values[number] = frame.to_ndarray(format="rgb24")
    return values


def describe_audio(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """(samples, channels) as the header announces them."""
    import av

    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        samples = int(_seconds(stream, container.duration, av.time_base) * stream.sample_rate)
        return (max(samples, 0), stream.codec_context.channels), np.dtype(np.float32)


def read_audio(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """All samples in order; those that the file announces and lacks are 0."""
    import av

    samples, channels = shape
    values = np.zeros((samples, channels), np.float32)
    done = 0
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(audio=0):
            part = frame.to_ndarray()  # [channels, samples], or [1, samples * channels] where they alternate
            part = part.T if part.shape[0] == channels else part.reshape(-1, channels)
            part = part[: samples - done]
            values[done : done + len(part)] = part
            done += len(part)
            if done == samples:
                break
    return values


def _seconds(stream: Any, duration: int | None, unit: int) -> float:
    """How long a stream is, by itself or else by the file around it."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return (duration or 0) / unit
