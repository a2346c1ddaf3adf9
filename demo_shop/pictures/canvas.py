"""A drawing surface in units, supersampled: shapes filled with gradients, soft shadows, light."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from demo_shop.pictures.palette import Colour, darker, lighter, mix

Point = tuple[float, float]
# Colours with their place, 0 to 1, along a gradient.
Stops = Sequence[tuple[float, Colour]]
SUPERSAMPLING = 2


def round_shading(colour: Colour) -> Stops:
    """How a round, matt body of this colour takes light from the upper left."""
    return (
        (0.0, darker(colour, 0.22)),
        (0.3, lighter(colour, 0.26)),
        (0.55, colour),
        (1.0, darker(colour, 0.38)),
    )


def flat_shading(colour: Colour) -> Stops:
    return ((0.0, lighter(colour, 0.12)), (1.0, darker(colour, 0.16)))


def lit_shading(colour: Colour, light: Colour) -> Stops:
    """A shade with a lamp burning in it: brightest where the bulb is."""
    return (
        (0.0, mix(colour, light, 0.25)),
        (0.5, lighter(mix(colour, light, 0.75), 0.45)),
        (1.0, mix(darker(colour, 0.12), light, 0.2)),
    )


def smooth(points: Sequence[Point], steps: int = 14) -> list[Point]:
    """A Catmull-Rom curve through all the points."""
    padded = [points[0], *points, points[-1]]
    curve: list[Point] = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            curve.append(_between(before, start, end, after, step / steps))
    return [*curve, points[-1]]


def _between(before: Point, start: Point, end: Point, after: Point, t: float) -> Point:
    def on_axis(a: float, b: float, c: float, d: float) -> float:
        return 0.5 * (
            2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
        )

    x, y = (on_axis(*values) for values in zip(before, start, end, after, strict=True))
    return x, y


class Canvas:
    """Sizes are units; `scale` is finished pixels per unit."""

    def __init__(self, width: float, height: float, scale: float) -> None:
        self.width, self.height = width, height
        self._pixels = scale * SUPERSAMPLING
        self._size = (round(width * self._pixels), round(height * self._pixels))
        self._image = Image.new("RGB", self._size)

    def finished(self) -> Image.Image:
        width, height = self._size
        return self._image.resize((width // SUPERSAMPLING, height // SUPERSAMPLING), Image.Resampling.LANCZOS)

    # Rooms

    def room(self, wall: Colour, ground: Colour, horizon: float) -> None:
        """A wall with light falling in from the upper left, and the ground below `horizon`."""
        self.rectangle(
            0, 0, self.width, horizon, ((0, lighter(wall, 0.1)), (1, darker(wall, 0.05))), upright=True
        )
        self.glow(self.width * 0.24, horizon * 0.2, self.width * 0.62, lighter(wall, 0.7), 0.42)
        self.rectangle(
            0,
            horizon,
            self.width,
            self.height,
            ((0, darker(ground, 0.1)), (1, lighter(ground, 0.12))),
            upright=True,
        )

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Light that fades with the distance from its source."""
        left, top = self._place((x, y))
        side = self._length(radius)
        fade = Image.radial_gradient("L").point([round(strength * 255 * _falloff(v)) for v in range(256)])
        fade = fade.resize((2 * side, 2 * side), Image.Resampling.BICUBIC)
        mask = Image.new("L", self._size)
        mask.paste(fade, (round(left) - side, round(top) - side))
        self._image.paste(colour, mask=mask)

    def shadow(self, x: float, y: float, rx: float, ry: float, strength: float = 0.45) -> None:
        """The soft shadow a thing throws on what it stands on."""
        self._blurred(
            lambda draw: draw.ellipse(self._box(x, y, rx, ry), fill=round(255 * strength)), ry * 0.55
        )

    def cast(self, points: Sequence[Point], strength: float = 0.25, blur: float = 14) -> None:
        """A soft shadow in the form of a polygon."""
        self._blurred(lambda draw: draw.polygon(self._places(points), fill=round(255 * strength)), blur)

    # Shapes

    def lathe(
        self, profile: Sequence[tuple[float, float]], stops: Stops, x: float = 500, upright: bool = False
    ) -> None:
        """A turned body around the axis `x`: (height, half width) pairs from top to bottom, joined by a curve."""
        right = smooth([(x + half, y) for y, half in profile])
        self.polygon(right + [(2 * x - px, py) for px, py in reversed(right)], stops, upright=upright)

    def polygon(self, points: Sequence[Point], stops: Stops, upright: bool = False) -> None:
        self._fill(lambda draw: draw.polygon(self._places(points), fill=255), stops, upright)

    def ellipse(self, x: float, y: float, rx: float, ry: float, stops: Stops, upright: bool = False) -> None:
        self._fill(lambda draw: draw.ellipse(self._box(x, y, rx, ry), fill=255), stops, upright)

    def rectangle(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        stops: Stops,
        upright: bool = False,
        radius: float = 0,
    ) -> None:
        corners = (*self._place((left, top)), *self._place((right, bottom)))
        self._fill(
            lambda draw: draw.rounded_rectangle(corners, radius=self._length(radius), fill=255),
            stops,
            upright,
        )

    def rod(self, points: Sequence[Point], width: float, colour: Colour, curved: bool = False) -> None:
        """A tube or wire along the points, with a light edge so that it looks round."""
        places = self._places(smooth(points) if curved else points)
        thick = max(2, self._length(width))
        draw = ImageDraw.Draw(self._image)
        for tint, share, shift in (
            (darker(colour, 0.25), 1.0, 0.0),
            (colour, 0.72, 0.08),
            (lighter(colour, 0.4), 0.22, 0.2),
        ):
            moved = [(px - thick * shift, py - thick * shift * 0.4) for px, py in places]
            line = max(1, round(thick * share))
            draw.line(moved, fill=tint, width=line, joint="curve")
            if line > 3 and share == 1.0:
                for px, py in (moved[0], moved[-1]):
                    draw.ellipse((px - line / 2, py - line / 2, px + line / 2, py + line / 2), fill=tint)

    # From units to pixels

    def _place(self, point: Point) -> Point:
        x, y = point
        return x * self._pixels, y * self._pixels

    def _places(self, points: Sequence[Point]) -> list[Point]:
        return [self._place(point) for point in points]

    def _length(self, units: float) -> int:
        return round(units * self._pixels)

    def _box(self, x: float, y: float, rx: float, ry: float) -> tuple[float, float, float, float]:
        return (*self._place((x - rx, y - ry)), *self._place((x + rx, y + ry)))

    def _fill(self, shape: Callable[[ImageDraw.ImageDraw], None], stops: Stops, upright: bool) -> None:
        mask = Image.new("L", self._size)
        shape(ImageDraw.Draw(mask))
        box = mask.getbbox()
        if box is None:
            return
        colours = _gradient(stops, (box[2] - box[0], box[3] - box[1]), upright)
        self._image.paste(colours, box[:2], mask.crop(box))

    def _blurred(self, shape: Callable[[ImageDraw.ImageDraw], None], blur: float) -> None:
        # A shadow has no detail: an eighth of the size costs a sixtieth of the time.
        mask = Image.new("L", self._size)
        shape(ImageDraw.Draw(mask))
        small = mask.resize((self._size[0] // 8, self._size[1] // 8), Image.Resampling.BOX)
        small = small.filter(ImageFilter.GaussianBlur(max(1.0, self._length(blur) / 8)))
        soft = small.resize(self._size, Image.Resampling.BICUBIC)
        dark = ImageChops.multiply(self._image, Image.new("RGB", self._size, (74, 60, 62)))
        self._image.paste(dark, mask=soft)


def _falloff(distance: int) -> float:
    """Share of light at `distance`; Pillow's radial gradient reaches 255 in the corners, 181 at the rim."""
    share = max(0.0, 1 - distance / 180)
    return (1 - math.cos(share * math.pi)) / 2


def _gradient(stops: Stops, size: tuple[int, int], upright: bool) -> Image.Image:
    row = Image.new("RGB", (256, 1))
    row.putdata([_colour_at(stops, place / 255) for place in range(256)])
    if upright:
        row = row.transpose(Image.Transpose.ROTATE_270)
    return row.resize(size, Image.Resampling.BILINEAR)


def _colour_at(stops: Stops, place: float) -> Colour:
    for (start, first), (end, second) in pairwise(stops):
        if place <= end:
            return mix(first, second, (place - start) / (end - start))
    return stops[-1][1]
