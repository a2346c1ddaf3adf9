"""Lamps that hang."""

from __future__ import annotations

from demo_shop.pictures.canvas import Canvas, lit_shading, round_shading
from demo_shop.pictures.palette import BRASS, INK, Palette, darker, lighter, mix


def _room(canvas: Canvas, palette: Palette) -> None:
    """A bare wall, and the edge of the table below that the light falls on."""
    canvas.room(palette.wall, palette.ground, 900)


def _cord(canvas: Canvas, x: float, end: float) -> None:
    canvas.rod([(x, -10), (x, end)], 6, INK)
    canvas.lathe([(end - 10, 14), (end + 30, 20), (end + 46, 20)], round_shading(BRASS), x=x)


def _rim(canvas: Canvas, palette: Palette, x: float, y: float, rx: float, ry: float) -> None:
    light = palette.light
    canvas.ellipse(
        x, y, rx, ry, ((0, light), (0.5, lighter(light, 0.85)), (1, mix(light, palette.main, 0.2)))
    )


def _pool(canvas: Canvas, palette: Palette, x: float) -> None:
    canvas.ellipse(
        x,
        946,
        330,
        34,
        ((0, palette.ground), (0.5, mix(palette.ground, palette.light, 0.75)), (1, palette.ground)),
    )


def dome(canvas: Canvas, palette: Palette) -> None:
    _room(canvas, palette)
    _pool(canvas, palette, 500)
    canvas.glow(500, 640, 470, palette.light, 0.7)
    _cord(canvas, 500, 250)
    canvas.lathe(
        [(286, 30), (300, 96), (356, 210), (450, 290), (548, 316), (560, 312)], round_shading(palette.main)
    )
    _rim(canvas, palette, 500, 556, 312, 34)
    canvas.ellipse(500, 552, 62, 30, ((0, (255, 255, 255)), (1, lighter(palette.light, 0.7))))


def bell(canvas: Canvas, palette: Palette) -> None:
    _room(canvas, palette)
    _pool(canvas, palette, 500)
    canvas.glow(500, 660, 440, palette.light, 0.65)
    _cord(canvas, 500, 200)
    canvas.lathe(
        [(236, 34), (260, 58), (330, 92), (420, 118), (500, 160), (580, 238), (604, 252), (610, 250)],
        round_shading(palette.main),
    )
    canvas.lathe([(440, 127), (452, 134), (462, 140)], round_shading(palette.second))
    _rim(canvas, palette, 500, 608, 248, 28)


def cone(canvas: Canvas, palette: Palette) -> None:
    """Three in a row, the middle one lowest."""
    _room(canvas, palette)
    _pool(canvas, palette, 500)
    for x, y in ((226, 300), (774, 300), (500, 430)):
        canvas.glow(x, y + 240, 330, palette.light, 0.55)
        _cord(canvas, x, y - 40)
        canvas.polygon(
            [(x - 26, y), (x + 26, y), (x + 132, y + 216), (x - 132, y + 216)], round_shading(palette.main)
        )
        canvas.polygon(
            [(x - 113, y + 176), (x + 113, y + 176), (x + 123, y + 196), (x - 123, y + 196)],
            round_shading(palette.second),
        )
        _rim(canvas, palette, x, y + 216, 132, 16)


def paper(canvas: Canvas, palette: Palette) -> None:
    _room(canvas, palette)
    canvas.glow(500, 480, 620, palette.light, 0.75)
    _cord(canvas, 500, 170)
    centre, radius = 490, 276
    paper_colour = lighter(palette.main, 0.3)
    canvas.ellipse(500, centre, radius, radius, lit_shading(paper_colour, palette.light))
    for rib in range(1, 16):
        offset = -radius + rib * radius / 8
        half = (radius**2 - offset**2) ** 0.5
        tone = mix(paper_colour, palette.light, 0.5)
        canvas.ellipse(
            500,
            centre + offset,
            half,
            3.4,
            ((0, darker(tone, 0.3)), (0.5, darker(tone, 0.05)), (1, darker(tone, 0.34))),
        )
    canvas.glow(490, centre, 190, (255, 255, 255), 0.5)


def cluster(canvas: Canvas, palette: Palette) -> None:
    _room(canvas, palette)
    canvas.rectangle(300, 0, 700, 26, round_shading(BRASS), radius=10)
    globes = ((340, 380, 92), (640, 300, 74), (500, 560, 118), (700, 620, 64), (300, 660, 58))
    for x, y, radius in globes:
        canvas.glow(x, y, radius * 3.2, palette.light, 0.6)
    for x, y, radius in globes:
        canvas.rod([(x, 10), (x, y - radius - 20)], 4, BRASS)
        canvas.lathe(
            [(y - radius - 30, 14), (y - radius + 6, 24), (y - radius + 12, 24)], round_shading(BRASS), x=x
        )
        canvas.ellipse(
            x,
            y,
            radius,
            radius,
            (
                (0, palette.light),
                (0.4, lighter(palette.light, 0.75)),
                (1, mix(palette.light, palette.main, 0.45)),
            ),
        )
        canvas.glow(x - radius * 0.2, y - radius * 0.2, radius * 0.9, (255, 255, 255), 0.8)


DRAWINGS = {"dome": dome, "bell": bell, "cone": cone, "paper": paper, "cluster": cluster}
