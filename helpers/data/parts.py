"""Machine parts, drawn and photographed by a program.

A part is a height field, made from signed distances (negative inside the outline). Light falls on it;
around it come background, neighbours and shadow, on it rust and scratches, over it a strap, blur and noise.
"""

from collections.abc import Callable, Sequence
from math import pi

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

PART_NAMES = ("bolt", "nut", "washer", "gear", "bearing", "spring", "bracket", "pipe elbow", "impeller",
              "connecting rod")
SIZE = 32  # pixels along a side
OFFSET = 0.3  # of the part from the picture's centre, at most: in half pictures, along x and along y
FINE = 64  # the part itself is drawn at twice that resolution, then averaged
Shape = tuple[Tensor, Tensor, Tensor]  # signed distance, height (unit: the part's size), brightness factor


# Tools for signed distances
def _between(p: Tensor, column: int, low: float, high: float) -> Tensor:
    """Column of the uniform numbers p, stretched to low..high, shaped to broadcast over pixels."""
    return (low + (high - low) * p[:, column])[:, None, None]


def _box(u: Tensor, v: Tensor, u0: float, u1: float | Tensor, half_height: float | Tensor) -> Tensor:
    return torch.maximum((u - (u0 + u1) / 2).abs() - (u1 - u0) / 2, v.abs() - half_height)


def _fold(u: Tensor, v: Tensor, n: float | Tensor) -> Tensor:
    """Angle from the nearest of n spokes, -pi/n..pi/n: what repeats n times round a centre is drawn once."""
    step, angle = 2 * pi / n, torch.atan2(v, u)
    return angle - step * torch.round(angle / step)


def _bevel(d: Tensor, width: float) -> Tensor:
    """Height of a flat plate with a rounded edge of this width."""
    t = (1 + d / width).clamp(0, 1)
    return width * (1 - t * t).clamp_min(0).sqrt()


def _round(d: Tensor, radius: float | Tensor) -> Tensor:
    """Height of a bar of circular section, where d = distance from its axis - radius."""
    return (radius * radius - (d + radius) ** 2).clamp_min(0).sqrt()


# The ten parts
def _bolt(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    radius, half, pitch = _between(p, 0, 0.17, 0.26), _between(p, 1, 0.42, 0.55), _between(p, 2, 26, 36)
    thread = torch.sin(pitch * u + 1.5 * v / radius) * (u > _between(p, 3, -0.4, 0.2))
    head, shank = _box(u, v, -1.0, -0.62, half), _box(u, v, -0.7, 1.0, radius + 0.03 * thread)
    facets = _bevel(head, 0.08) + 0.16 * (1 - ((v.abs() / half - 0.5).clamp_min(0) * 2))
    height = torch.where(head < 0, facets + 0.1, _round(v.abs() - radius, radius) + 0.035 * thread)
    return torch.minimum(head, shank), height, 1 + 0.25 * thread * (head > 0)


def _nut(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    r = torch.hypot(u, v)
    hole = _between(p, 0, 0.38, 0.5)
    d = torch.maximum(r * torch.cos(_fold(u, v, 6)) - 0.84, hole - r)
    chamfer = 0.8 * (r - 0.82).clamp_min(0) + 0.6 * (hole + 0.12 - r).clamp_min(0)
    return d, _bevel(d, 0.06) + 0.2 - chamfer, 1 - 0.4 * (r < hole + 0.1)


def _washer(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    r, hole = torch.hypot(u, v), _between(p, 0, 0.42, 0.6)
    d = torch.maximum(r - 0.95, hole - r)
    return d, _bevel(d, 0.08), torch.ones_like(d)


def _gear(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    r, teeth, hole = torch.hypot(u, v), torch.round(_between(p, 0, 8.5, 14.4)), _between(p, 1, 0.14, 0.3)
    edge = 0.86 + 0.11 * (2.2 * torch.cos(teeth * _fold(u, v, teeth))).clamp(-1, 1)
    d = torch.maximum(r - edge, hole - r)
    web = ((r - 0.5).abs() < 0.13) & (p[:, 2] > 0.4)[:, None, None]
    return d, _bevel(d, 0.08) - 0.06 * web, 1 - 0.3 * web


def _bearing(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    r, count, hole = torch.hypot(u, v), torch.round(_between(p, 0, 7.5, 10.4)), _between(p, 1, 0.26, 0.34)
    angle = _fold(u, v, count)
    ball = torch.hypot(r * torch.cos(angle) - 0.64, r * torch.sin(angle)) - 0.15
    rings = torch.minimum((r - 0.88).abs() - 0.1, (r - hole - 0.08).abs() - 0.08)
    height = torch.maximum(_bevel(rings, 0.06), _round(ball, 0.15))
    return torch.maximum(r - 0.98, hole - r), height, 0.25 + 0.75 * ((rings < 0) | (ball < 0))


def _spring(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    turns, half, wire = _between(p, 0, 3, 5), _between(p, 1, 0.36, 0.52), 0.085
    phase = turns * (u + 1) * pi
    slope = half * turns * pi * torch.cos(phase)
    d = (v - half * torch.sin(phase)).abs() / torch.sqrt(1 + slope ** 2) - wire
    d, front = torch.maximum(d, u.abs() - 0.97), slope > 0
    return d, _round(d, wire) + 0.05 * front, 0.55 + 0.45 * front


def _bracket(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    width = _between(p, 0, 0.2, 0.27)
    far = 0.9 - width
    d = torch.minimum(_box(u, v, -0.9, 2 * width - 0.9, 0.9), _box(v, u, -0.9, 2 * width - 0.9, 0.9))
    for x, y in ((-far, 0.6), (-far, 0.02), (0.6, -far), (0.02, -far)):
        d = torch.maximum(d, 0.11 - torch.hypot(u - x, v - y))
    return d, _bevel(d, 0.06), torch.ones_like(d)


def _elbow(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    half, x, y = _between(p, 0, 0.27, 0.36), u + 0.9, v + 0.9
    r = torch.hypot(x, y)
    pipe = torch.maximum((r - 1.2).abs() - half, -torch.minimum(x, y))
    flange_a = torch.maximum((y - 0.06).abs() - 0.15, (x - 1.2).abs() - half - 0.2)
    flange_b = torch.maximum((x - 0.06).abs() - 0.15, (y - 1.2).abs() - half - 0.2)
    flange = torch.minimum(flange_a, flange_b)
    height = torch.where(flange < 0, 0.25 + _bevel(flange, 0.08), _round((r - 1.2).abs() - half, half))
    return torch.minimum(pipe, flange), height, torch.ones_like(r)


def _impeller(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    r, blades = torch.hypot(u, v), torch.round(_between(p, 0, 2.6, 5.4))
    twist = _between(p, 1, 0.5, 1.1) * r
    cos, sin = torch.cos(twist), torch.sin(twist)
    angle = _fold(u * cos - v * sin, u * sin + v * cos, blades)
    blade, hub = torch.maximum((angle.abs() - 1.6 / blades) * r, r - 0.97), r - 0.27
    height = torch.where(hub < 0, 0.35 + _bevel(hub, 0.12), 0.12 + 0.35 * angle * r)
    return torch.maximum(torch.minimum(blade, hub), 0.09 - r), height, torch.ones_like(r)


def _rod(u: Tensor, v: Tensor, p: Tensor) -> Shape:
    big, small = torch.hypot(u + 0.55, v), torch.hypot(u - 0.76, v)
    d = torch.minimum(torch.minimum(big - 0.44, small - 0.25), _box(u, v, -0.5, 0.7, 0.15 - 0.06 * u))
    d = torch.maximum(d, torch.maximum(_between(p, 0, 0.22, 0.3) - big, 0.12 - small))
    groove = _box(u, v, -0.08, 0.46, 0.07) < 0
    return d, _bevel(d, 0.09) - 0.04 * groove, 1 - 0.35 * groove


_SHAPES = (_bolt, _nut, _washer, _gear, _bearing, _spring, _bracket, _elbow, _impeller, _rod)


# Photography
_MATERIALS = torch.tensor([  # RGB: three steels, zinc, black oxide, brass, copper; blue, red, green paint
    [.62, .63, .65], [.50, .50, .52], [.68, .66, .62], [.78, .79, .80], [.28, .28, .30], [.80, .66, .30],
    [.75, .45, .30], [.25, .40, .70], [.72, .24, .20], [.30, .55, .35]])
_RUST = torch.tensor([.45, .24, .12]).view(3, 1, 1)


def _axis(pixels: int) -> Tensor:
    """Pixel centres along a side: the picture reaches from -1 to 1."""
    return (torch.arange(pixels) + 0.5) * 2 / pixels - 1


def _light(shape: Callable[[Tensor, Tensor, Tensor], Shape], p: Tensor) -> Tensor:
    """Coverage, shaded brightness and highlight of n parts (n×3×32×32), from uniform numbers p (n×14)."""
    angle, tilt, size = _between(p, 0, 0, 2 * pi), _between(p, 1, 0, 2 * pi), _between(p, 2, 0.48, 0.9)
    x = _axis(FINE)[None, None, :] - _between(p, 3, -OFFSET, OFFSET)
    y = _axis(FINE)[None, :, None] - _between(p, 4, -OFFSET, OFFSET)
    # Turned by angle; then a tilt shortens the part along one direction.
    shorter = 1 / _between(p, 5, 0.62, 1) - 1
    a, b = shorter * torch.cos(angle - tilt), shorter * torch.sin(angle - tilt)
    u = (angle.cos() + a * tilt.cos()) / size * x + (angle.sin() + a * tilt.sin()) / size * y
    v = -(angle.sin() + b * tilt.cos()) / size * x + (angle.cos() - b * tilt.sin()) / size * y
    d, height, tone = shape(u, v, p[:, 9:])
    scale = size * FINE / 2
    cover = (0.5 - d * scale).clamp(0, 1)
    height = height * cover * scale
    gx = F.pad(height[:, :, 2:] - height[:, :, :-2], (1, 1)) / 2
    gy = F.pad(height[:, 2:] - height[:, :-2], (0, 0, 1, 1)) / 2
    turn, rise = _between(p, 6, 0, 2 * pi), _between(p, 7, 0.6, 1.1)  # of the light
    upright = torch.rsqrt(1 + gx * gx + gy * gy)  # z of the surface's unit normal
    toward = -(gx * turn.cos() + gy * turn.sin()) * upright
    diffuse = (toward * rise.cos() + upright * rise.sin()).clamp_min(0)
    half = rise / 2 + pi / 4  # a highlight stands where the normal halves the angle between light and camera
    shine = (toward * half.cos() + upright * half.sin()).clamp_min(0).square().square().square().square()
    shade, shine = tone * (0.3 + 0.85 * diffuse), tone * shine * _between(p, 8, 0, 0.5)
    layers = torch.stack((cover, cover * shade, cover * shine), 1)
    rows = layers[:, :, ::2] + layers[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def _shift(image: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
    x, y = torch.broadcast_tensors(_axis(SIZE) - dx[:, 0], _axis(SIZE)[:, None] - dy[:, 0])
    return F.grid_sample(image, torch.stack((x, y), -1), align_corners=False)


def _blur(image: Tensor) -> Tensor:
    """Mean over 3×3 pixels."""
    image = F.pad(image, (1, 1, 1, 1), "replicate")
    image = image[:, :, :-2] + image[:, :, 1:-1] + image[:, :, 2:]
    return (image[..., :-2] + image[..., 1:-1] + image[..., 2:]) / 9


def photograph(labels: Tensor, names: Sequence[str], rng: np.random.Generator) -> Tensor:
    """One image for each label, n×3×32×32 uint8; labels are positions in names (of PART_NAMES)."""
    n, x, y = len(labels), _axis(SIZE), _axis(SIZE)[:, None]

    def uniform(*size: int) -> Tensor:
        return torch.from_numpy(rng.random((n, *size), dtype=np.float32))

    def number(low: float, high: float, share: float = 1.0) -> Tensor:
        """A number for each image (n×1×1×1), zero except in this share of the images."""
        return (low + (high - low) * uniform(1, 1, 1)) * (uniform(1, 1, 1) < share)

    def along(angle: Tensor) -> Tensor:
        return x * angle.cos() + y * angle.sin()

    def patches() -> Tensor:
        """A smooth random field, about -1..1."""
        fields = [F.interpolate(uniform(1, cells, cells), size=SIZE, mode="bilinear") for cells in (4, 11)]
        return 1.2 * fields[0] + 0.8 * fields[1] - 1

    def paint() -> Tensor:
        colour = _MATERIALS[torch.from_numpy(rng.integers(len(_MATERIALS), size=n))][:, :, None, None]
        return colour * (0.8 + 0.4 * uniform(1, 1, 1)) + 0.1 * (uniform(3, 1, 1) - 0.5)

    p, layers = uniform(14), torch.empty(n, 3, SIZE, SIZE)
    for k, name in enumerate(names):
        layers[labels == k] = _light(_SHAPES[PART_NAMES.index(name)], p[labels == k])
    part = paint()
    # Background: a level unlike the part's, and in some images a gradient, a texture, a ribbed conveyor belt.
    grey, level = part.mean(1, keepdim=True), number(0.1, 0.9)
    level = torch.where((level - grey).abs() < 0.2, grey + torch.where(grey > 0.5, -0.35, 0.35), level)
    ribs = torch.sin(along(number(0, pi)) * number(8, 30) + number(0, 6))
    scene = number(0, 0.35, 0.6) * along(number(0, 2 * pi)) + number(0.1, 0.3, 0.5) * patches()
    scene = scene + number(0.05, 0.15, 0.35) * (3 * ribs).clamp(-1, 1)
    image = level + 0.14 * (uniform(3, 1, 1) - 0.5) + scene
    # Other parts reach into the picture from the sides, behind this one; their centres are near its edge.
    for _ in range(3):
        k, away, distance = torch.from_numpy(rng.permutation(n)), number(0, 2 * pi), number(0.95, 1.3)
        dx, dy = (OFFSET * (1 - 2 * p[k, axis, None, None, None]) for axis in (3, 4))
        near = _shift(layers[k] * number(1, 1, 0.9), dx + distance * away.cos(), dy + distance * away.sin())
        cover, shade, shine = near.split(1, 1)
        image = image * (1 - cover) + paint() * shade + shine
    # The part with its shadow, rust and a scratch.
    cover, shade, shine = layers.split(1, 1)
    light = p[:, 6, None, None, None] * 2 * pi
    image = image * (1 - number(0.2, 0.6) * _blur(_shift(cover, -0.1 * light.cos(), -0.1 * light.sin())))
    rust = ((patches() - number(0.05, 0.5)) * 5).clamp(0, 1) * number(0.5, 0.9, 0.4)
    scratch = (along(number(0, pi)) - number(-0.5, 0.5)).abs() < 0.03
    surface = torch.lerp(part * (1 + number(0, 0.4) * patches()), _RUST, rust) + number(-0.3, 0.3, 0.4) * scratch
    image = image * (1 - cover) + surface * shade + shine * (1 - rust)
    # A strap in front, beside the centre; half the picture darker; brightness, blur and noise of the camera.
    gap = (along(number(0, 2 * pi)) - number(0.2, 0.7)).abs() - number(0.03, 0.13)
    image = torch.lerp(image, 0.7 * paint(), (0.5 - gap * SIZE / 2).clamp(0, 1) * number(1, 1, 0.35))
    dark = along(number(0, 2 * pi)) > number(-0.5, 0.5)
    image = image * number(0.65, 1.2) * (1 - number(0.2, 0.5, 0.5) * dark)
    image = torch.lerp(image, _blur(image), number(0, 0.8, 0.7))
    image = image + number(0.01, 0.06) * torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)
