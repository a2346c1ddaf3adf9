"""Colours that go together; every drawing takes one palette."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0 to 1) of `second` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def lighter(colour: Colour, share: float) -> Colour:
    return mix(colour, (255, 255, 255), share)


def darker(colour: Colour, share: float) -> Colour:
    return mix(colour, (20, 14, 12), share)


@dataclass(frozen=True, slots=True)
class Palette:
    """`wall` and `ground` are the room, `main` and `second` the thing, `light` what a lamp gives."""

    wall: Colour
    ground: Colour
    main: Colour
    second: Colour
    light: Colour = (255, 226, 168)


BRASS: Colour = (196, 152, 84)
WOOD: Colour = (178, 124, 78)
INK: Colour = (52, 48, 48)

PALETTES = {
    "amber": Palette((238, 214, 178), (196, 150, 104), (214, 126, 58), BRASS),
    "terracotta": Palette((236, 205, 187), (190, 132, 106), (190, 92, 62), (120, 62, 48)),
    "sage": Palette((214, 221, 201), (160, 168, 140), (124, 143, 108), WOOD),
    "night": Palette((58, 70, 92), (38, 44, 60), (236, 226, 206), BRASS, (255, 214, 140)),
    "plum": Palette((86, 62, 80), (58, 40, 54), (214, 150, 140), BRASS, (255, 206, 150)),
    "sky": Palette((206, 221, 230), (156, 176, 188), (86, 126, 154), (226, 220, 208)),
    "linen": Palette((236, 230, 218), (204, 190, 168), (246, 240, 226), WOOD),
    "forest": Palette((66, 86, 78), (44, 58, 52), (222, 206, 168), BRASS, (255, 220, 150)),
    "blush": Palette((244, 220, 214), (214, 172, 162), (222, 138, 126), (246, 236, 226)),
    "mustard": Palette((243, 225, 176), (206, 170, 98), (220, 164, 44), INK),
    "ink": Palette((214, 212, 206), (168, 162, 152), INK, BRASS),
    "clay": Palette((226, 208, 190), (176, 146, 120), (168, 118, 88), (236, 226, 210)),
}
