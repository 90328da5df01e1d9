"""Image transforms that run in the engine, next to the decoder: no Python per sample.

    from tql.transforms import Compose, Normalize, RandomHorizontalFlip, RandomResizedCrop, ToFloat

    train = Compose([RandomResizedCrop(224), RandomHorizontalFlip(), ToFloat(),
                     Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    view.dataloader(seed=1).shuffle().batch(64).transform({"images": train, "labels": None}).pytorch()

Names, arguments and meaning are those of `torchvision.transforms`. Images are uint8 (height, width) or
(height, width, channels) with 1 to 4 channels, and stay that until `ToFloat`, which makes them float32
(channels, height, width). What is random depends on the loader's seed, the epoch, the row's place in the
order of that epoch and the step's place in the list, and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tql.errors import ArgumentError

__all__ = [
    "RGB",
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "Normalize",
    "Pad",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "Resize",
    "ToFloat",
    "Transform",
]

_INTERPOLATIONS = ("bilinear", "nearest")
_MODES = ("constant", "edge", "reflect", "symmetric")
_MOST_PIXELS = 1 << 20  # in one direction
_MOST_FACTOR = 1e6


class Transform:
    """A step that the engine knows."""

    def arguments(self) -> dict[str, Any]:
        """What the engine is told, as plain data."""
        return {}


@dataclass(frozen=True, init=False)
class Resize(Transform):
    """Another size, as Pillow's `Image.resize` gives it.

    Args:
        size: (height, width), or the extent of the shorter side.
        interpolation: "bilinear" (antialiased), or "nearest" for masks; Pillow's and torchvision's
            enumerations do too.
        max_size: with a single `size`, the longer side gets no longer than this.
        antialias: only True: bilinear without it is not offered.
        exact: resize from all pixels. False lets a JPEG be decoded at a half, a quarter or an eighth of its
            size, where that is not below the size asked for: several times as fast, the result not quite the
            same.

    Raises:
        ArgumentError: an unusable argument.
    """

    height: int
    width: int
    max_size: int
    interpolation: str
    exact: bool

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: Any = "bilinear",
        max_size: int | None = None,
        antialias: bool | None = True,
        *,
        exact: bool = False,
    ) -> None:
        sizes = _extents("Resize", size)
        if max_size is not None:
            if len(sizes) != 1:
                raise ArgumentError(f"max_size of Resize goes with a single size, got size {size!r}")
            if _integer("max_size of Resize", max_size, 1) <= sizes[0]:
                raise ArgumentError(f"max_size of Resize must be larger than size {sizes[0]}, got {max_size}")
        name = _interpolation("Resize", interpolation, antialias)
        height, width = sizes if len(sizes) == 2 else (sizes[0], 0)
        _set(self, height=height, width=width, max_size=max_size or 0, interpolation=name, exact=bool(exact))

    def arguments(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, init=False)
class CenterCrop(Transform):
    """The middle (height, width), or square, of the image; what a smaller image lacks is black.

    Raises:
        ArgumentError: an unusable size.
    """

    height: int
    width: int

    def __init__(self, size: int | Sequence[int]) -> None:
        sizes = _extents("CenterCrop", size)
        _set(self, height=sizes[0], width=sizes[-1])

    def arguments(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, init=False)
class RandomResizedCrop(Transform):
    """A part of random area, proportion and place, resized to (height, width) or to a square.

    Of a JPEG only the part is decoded.

    Args:
        size: (height, width), or one extent for both.
        scale: bounds of the part's share of the area.
        ratio: bounds of its width divided by its height; uniform in the logarithm.
        interpolation: see `Resize`.
        antialias: see `Resize`.
        exact: see `Resize`.

    Raises:
        ArgumentError: an unusable argument.
    """

    height: int
    width: int
    scale: tuple[float, float]
    ratio: tuple[float, float]
    interpolation: str
    exact: bool

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: Any = "bilinear",
        antialias: bool | None = True,
        *,
        exact: bool = False,
    ) -> None:
        sizes = _extents("RandomResizedCrop", size)
        _set(
            self,
            height=sizes[0],
            width=sizes[-1],
            scale=_range("scale of RandomResizedCrop", scale, 0.0, 1.0),
            ratio=_range("ratio of RandomResizedCrop", ratio, 1e-6, 1e6),
            interpolation=_interpolation("RandomResizedCrop", interpolation, antialias),
            exact=bool(exact),
        )

    def arguments(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, init=False)
class RandomHorizontalFlip(Transform):
    """Left and right exchanged, with probability `p`.

    Raises:
        ArgumentError: `p` is no probability.
    """

    p: float

    def __init__(self, p: float = 0.5) -> None:
        _set(self, p=_number("p of RandomHorizontalFlip", p, 0.0, 1.0))

    def arguments(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, init=False)
class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed by random factors, in random order.

    As Pillow's ImageEnhance does it. Alpha (of 2 or 4 channels) stays; grey images have no saturation and no
    hue.

    Args:
        brightness: x for a factor from max(0, 1 - x) to 1 + x, or the bounds of the factor; 0 for unchanged.
        contrast: the same.
        saturation: the same.
        hue: x <= 0.5 for a turn by -x to x of the circle, or the bounds of the turn.

    Raises:
        ArgumentError: an unusable argument.
    """

    brightness: tuple[float, float] | None
    contrast: tuple[float, float] | None
    saturation: tuple[float, float] | None
    hue: tuple[float, float] | None

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
    ) -> None:
        _set(
            self,
            brightness=_factors("brightness of ColorJitter", brightness),
            contrast=_factors("contrast of ColorJitter", contrast),
            saturation=_factors("saturation of ColorJitter", saturation),
            hue=_factors("hue of ColorJitter", hue, centre=0.0, least=-0.5, most=0.5),
        )

    def arguments(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, init=False)
class Pad(Transform):
    """Pixels added around the image.

    Args:
        padding: for all sides, or (left and right, top and bottom), or (left, top, right, bottom).
        fill: value from 0 to 255 of "constant", one for all channels or one for each.
        padding_mode: "constant", "edge", "reflect" (the border pixels come once) or "symmetric" (twice).

    Raises:
        ArgumentError: an unusable argument.
    """

    left: int
    top: int
    right: int
    bottom: int
    fill: tuple[int, ...]
    padding_mode: str

    def __init__(
        self, padding: int | Sequence[int], fill: int | Sequence[int] = 0, padding_mode: str = "constant"
    ) -> None:
        sides = [padding] if not _listed(padding) else list(padding)  # type: ignore[arg-type]
        if len(sides) not in (1, 2, 4):
            raise ArgumentError(f"padding of Pad must be one, two or four integers, got {padding!r}")
        sides = [_integer("padding of Pad", side, 0, _MOST_PIXELS) for side in sides]
        left, top, right, bottom = (sides * (4 // len(sides)))[:4]
        fills = [fill] if not _listed(fill) else list(fill)  # type: ignore[arg-type]
        if not 1 <= len(fills) <= 4:
            raise ArgumentError(f"fill of Pad must be one integer or one per channel, got {fill!r}")
        checked = tuple(_integer("fill of Pad", value, 0, 255) for value in fills)
        mode = _choice("padding_mode of Pad", padding_mode, _MODES)
        _set(self, left=left, top=top, right=right, bottom=bottom, fill=checked, padding_mode=mode)

    def arguments(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class RGB(Transform):
    """Three channels: a grey image three times over, alpha left out."""


@dataclass(frozen=True)
class ToFloat(Transform):
    """float32 (channels, height, width) from 0 to 1; torchvision's ToTensor."""


@dataclass(frozen=True, init=False)
class Normalize(Transform):
    """(x - mean) / std, after ToFloat.

    Args:
        mean: one number for all channels, or a list with one for each.
        std: the same; none of them 0.

    Raises:
        ArgumentError: an unusable argument, or lists of different lengths.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        means, stds = _per_channel("mean of Normalize", mean), _per_channel("std of Normalize", std)
        if len(means) != len(stds) and 1 not in (len(means), len(stds)):
            raise ArgumentError(
                f"mean and std of Normalize must be of one length, got {len(means)} and {len(stds)}"
            )
        if 0.0 in stds:
            raise ArgumentError(f"std of Normalize must not have a 0, got {std!r}")
        _set(self, mean=means, std=stds)

    def arguments(self) -> dict[str, Any]:
        return asdict(self)


class Compose:
    """Steps one after the other: transforms of this module, and Python functions of one image.

    Steps of the engine that come one after the other are done at once, in its threads. A function gets a
    NumPy array as the steps before it left it, and may return anything; where steps of the engine follow, an
    array uint8 (height, width[, channels]).

    Args:
        transforms: the steps.

    Raises:
        ArgumentError: something that is neither, or an order that makes no sense.
    """

    def __init__(self, transforms: Sequence[Transform | Callable[[Any], Any] | Compose]) -> None:
        if isinstance(transforms, (Transform, str)) or not isinstance(transforms, Sequence):
            raise ArgumentError(f"Compose needs a list of transforms, got {transforms!r}")
        steps: list[Transform | Callable[[Any], Any]] = []
        for step in transforms:
            if isinstance(step, Compose):
                steps += step.transforms
            elif isinstance(step, type) and issubclass(step, (Transform, Compose)):
                raise ArgumentError(f"a transform is needed, got the class {step.__name__}",
                                    hint=f"call it: {step.__name__}(...)")  # fmt: skip
            elif isinstance(step, Transform) or callable(step):
                steps.append(step)
            else:
                raise ArgumentError(f"a step of Compose must be a transform or callable, got {step!r}")
        if len(steps) > _MOST_STEPS:
            raise ArgumentError(f"Compose has at most {_MOST_STEPS} steps, got {len(steps)}")
        _check_order(steps)
        self.transforms: tuple[Transform | Callable[[Any], Any], ...] = tuple(steps)

    def __repr__(self) -> str:
        return f"Compose([{', '.join(map(repr, self.transforms))}])"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compose) and self.transforms == other.transforms

    def __hash__(self) -> int:
        return hash(self.transforms)


_MOST_STEPS = 64


def _check_order(steps: Sequence[object]) -> None:
    """What follows on what, as far as no Python function comes between."""
    floats = False
    for step in steps:
        if not isinstance(step, Transform):
            floats = False
            continue
        name = type(step).__name__
        if isinstance(step, ToFloat):
            if floats:
                raise ArgumentError("ToFloat comes twice")
            floats = True
        elif isinstance(step, Normalize):
            if not floats:
                raise ArgumentError("Normalize needs float images", hint="put ToFloat() before Normalize")
        elif floats and not isinstance(step, RandomHorizontalFlip):
            raise ArgumentError(f"{name} works on uint8 images", hint=f"put {name} before ToFloat")


# --- checks of arguments -----------------------------------------------------------------------------------


def _set(step: Transform, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(step, name, value)  # the classes are frozen


def _listed(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))


def _integer(name: str, value: Any, least: int, most: int = _MOST_PIXELS) -> int:
    try:
        number = value.__index__() if not isinstance(value, bool) else None
    except AttributeError:
        number = None
    if number is None or not least <= number <= most:
        raise ArgumentError(f"{name} must be an integer from {least} to {most}, got {value!r}")
    return int(number)


def _number(name: str, value: Any, least: float, most: float) -> float:
    try:
        number = float(value) if not isinstance(value, (bool, str)) else None
    except (TypeError, ValueError):
        number = None
    if number is None or not least <= number <= most:  # NaN is not
        raise ArgumentError(f"{name} must be a number from {least:g} to {most:g}, got {value!r}")
    return number


def _extents(name: str, size: Any) -> list[int]:
    sizes = list(size) if _listed(size) else [size]
    if len(sizes) not in (1, 2):
        raise ArgumentError(f"size of {name} must be one integer or (height, width), got {size!r}")
    return [_integer(f"size of {name}", extent, 1) for extent in sizes]


def _range(name: str, bounds: Any, least: float, most: float) -> tuple[float, float]:
    if not _listed(bounds) or len(bounds) != 2:
        raise ArgumentError(f"{name} must be two numbers, got {bounds!r}")
    low, high = (_number(name, bound, least, most) for bound in bounds)
    if low > high:
        raise ArgumentError(f"{name} must be in ascending order, got {bounds!r}")
    return low, high


def _factors(
    name: str, value: Any, centre: float = 1.0, least: float = 0.0, most: float = _MOST_FACTOR
) -> tuple[float, float] | None:
    if _listed(value):
        low, high = _range(name, value, least, most)
    else:
        by = _number(name, value, 0.0, most)
        low, high = max(least, centre - by), min(most, centre + by)
    return None if low == high == centre else (low, high)


def _per_channel(name: str, value: Any) -> tuple[float, ...]:
    values = list(value) if _listed(value) else [value]
    if not 1 <= len(values) <= 4:
        raise ArgumentError(f"{name} must be one number or one per channel (1 to 4), got {value!r}")
    return tuple(_number(name, number, -1e30, 1e30) for number in values)


def _choice(name: str, value: Any, choices: Sequence[str]) -> str:
    if value not in choices:
        raise ArgumentError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return str(value)


def _interpolation(name: str, value: Any, antialias: object) -> str:
    if antialias is False:
        raise ArgumentError(f"{name} always antialiases, got antialias=False")
    label = getattr(value, "name", value)  # Pillow's Resampling, torchvision's InterpolationMode
    label = label.lower() if isinstance(label, str) else label
    return _choice(f"interpolation of {name}", label, _INTERPOLATIONS)
