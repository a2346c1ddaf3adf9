"""Vases and planters."""

from __future__ import annotations

import math

from demo_shop.pictures.canvas import Canvas, flat_shading, round_shading, smooth
from demo_shop.pictures.palette import Colour, Palette, darker, lighter, mix

LEAF: Colour = (104, 132, 88)
DRY: Colour = (206, 172, 122)


def _shelf(canvas: Canvas, palette: Palette) -> None:
    canvas.room(palette.wall, palette.ground, 790)


def _mouth(canvas: Canvas, colour: Colour, y: float, half: float) -> None:
    canvas.ellipse(500, y, half, half * 0.18, ((0, darker(colour, 0.5)), (1, darker(colour, 0.3))))


def _leaf(
    canvas: Canvas, x: float, y: float, length: float, angle: float, width: float, colour: Colour
) -> None:
    """A leaf that begins at (x, y) and points `angle` degrees away from upright, clockwise."""
    along = (math.sin(math.radians(angle)), -math.cos(math.radians(angle)))
    across = (-along[1], along[0])

    def at(distance: float, side: float) -> tuple[float, float]:
        return (
            x + along[0] * length * distance + across[0] * width * side,
            y + along[1] * length * distance + across[1] * width * side,
        )

    one = smooth([at(0, 0), at(0.3, 0.75), at(0.62, 0.8), at(1, 0)])
    other = smooth([at(1, 0), at(0.62, -0.8), at(0.3, -0.75), at(0, 0)])
    canvas.polygon(one + other, ((0, lighter(colour, 0.2)), (1, darker(colour, 0.22))))
    canvas.rod([at(0.04, 0), at(0.9, 0)], 3, lighter(colour, 0.12))


def eucalyptus(canvas: Canvas, palette: Palette) -> None:
    _shelf(canvas, palette)
    canvas.shadow(580, 880, 210, 28)
    for tip, bend in (((330, 150), 430), ((520, 90), 512), ((680, 190), 570)):
        stem = smooth([(500, 500), (bend, 330), tip])
        canvas.rod(stem, 6, darker(LEAF, 0.2))
        for place in range(12, len(stem), 4):
            x, y = stem[place]
            for side in (-62, 58):
                _leaf(canvas, x, y, 62, side, 22, mix(LEAF, palette.wall, 0.16 + place % 3 * 0.08))
    canvas.lathe(
        [(450, 60), (462, 56), (520, 60), (580, 112), (680, 172), (780, 168), (866, 104), (880, 98)],
        round_shading(palette.main),
    )
    _mouth(canvas, palette.main, 452, 60)
    canvas.ellipse(436, 660, 20, 62, ((0, lighter(palette.main, 0.5)), (1, lighter(palette.main, 0.26))))


def pampas(canvas: Canvas, palette: Palette) -> None:
    _shelf(canvas, palette)
    canvas.shadow(570, 884, 180, 26)
    for tip, bend, thick in (((350, 120), 440, 30), ((500, 60), 500, 36), ((664, 136), 566, 30)):
        stem = smooth([(500, 470), (bend, 330), tip])
        canvas.rod(stem, 5, darker(DRY, 0.25))
        plume = stem[16:]
        for number, (x, y) in enumerate(plume):
            swell = thick * math.sin(math.pi * (number + 2) / (len(plume) + 6))
            for side in (-34, 34, -12, 12):
                _leaf(canvas, x, y, 54, side, swell * 0.3, mix(DRY, (255, 246, 226), 0.2 + number % 4 * 0.1))
    canvas.lathe(
        [(424, 44), (436, 38), (520, 40), (600, 58), (690, 130), (790, 150), (870, 116), (884, 110)],
        round_shading(palette.main),
    )
    canvas.lathe([(690, 130), (712, 140), (734, 146)], round_shading(palette.second))
    _mouth(canvas, palette.main, 426, 44)


def ribbed(canvas: Canvas, palette: Palette) -> None:
    _shelf(canvas, palette)
    canvas.shadow(580, 884, 230, 28)
    profile = [(330, 116), (346, 108), (420, 132), (540, 196), (660, 206), (780, 166), (872, 110), (884, 106)]
    canvas.lathe(profile, round_shading(palette.main))
    for rib in range(-5, 6):
        share = math.sin(rib / 6 * math.pi / 2)
        line = [(500 + share * half, y) for y, half in profile]
        canvas.rod(line, 5, darker(palette.main, 0.2 + max(0.0, share) * 0.24), curved=True)
    _mouth(canvas, palette.main, 332, 116)
    canvas.shadow(800, 884, 70, 14, 0.4)
    canvas.lathe(
        [(716, 34), (726, 30), (760, 40), (820, 70), (872, 52), (884, 48)],
        round_shading(palette.second),
        x=790,
    )


def planter(canvas: Canvas, palette: Palette) -> None:
    _shelf(canvas, palette)
    canvas.shadow(580, 900, 220, 26)
    leaves = (
        (-64, 300),
        (60, 310),
        (-38, 400),
        (36, 410),
        (-80, 210),
        (78, 220),
        (-14, 470),
        (16, 440),
        (0, 360),
    )
    for number, (angle, length) in enumerate(leaves):
        _leaf(canvas, 500 + angle * 0.5, 560, length, angle, 46, mix(LEAF, (64, 108, 84), number % 4 * 0.3))
    for x in (392, 608):
        canvas.rod([(x, 700), (x + (x - 500) * 0.16, 900)], 18, palette.second)
    canvas.polygon([(330, 540), (670, 540), (636, 806), (364, 806)], round_shading(palette.main))
    canvas.rectangle(322, 526, 678, 566, round_shading(lighter(palette.main, 0.06)), radius=12)
    canvas.rectangle(352, 740, 648, 764, flat_shading(palette.second), radius=6)


DRAWINGS = {"eucalyptus": eucalyptus, "pampas": pampas, "ribbed": ribbed, "planter": planter}
