"""Things to sit on."""

from __future__ import annotations

from demo_shop.pictures.canvas import Canvas, flat_shading, round_shading
from demo_shop.pictures.palette import WOOD, Palette, darker, lighter


def _floor(canvas: Canvas, palette: Palette) -> None:
    canvas.room(palette.wall, palette.ground, 800)


def armchair(canvas: Canvas, palette: Palette) -> None:
    _floor(canvas, palette)
    canvas.shadow(540, 916, 330, 34)
    for x, foot in ((300, 270), (700, 730)):
        canvas.rod([(x, 780), (foot, 914)], 24, WOOD)
    for x, foot in ((380, 372), (620, 628)):
        canvas.rod([(x, 780), (foot, 880)], 18, darker(WOOD, 0.3))
    canvas.rectangle(270, 300, 730, 740, round_shading(palette.main), radius=110)
    canvas.rectangle(312, 344, 688, 700, flat_shading(lighter(palette.main, 0.1)), upright=True, radius=80)
    for x in (416, 500, 584):
        canvas.rod([(x, 372), (x, 600)], 3, darker(palette.main, 0.14))
    canvas.rectangle(300, 640, 700, 800, flat_shading(lighter(palette.main, 0.16)), upright=True, radius=44)
    canvas.rectangle(196, 540, 330, 820, round_shading(palette.main), radius=60)
    canvas.rectangle(670, 540, 804, 820, round_shading(darker(palette.main, 0.1)), radius=60)
    canvas.rectangle(380, 500, 560, 650, flat_shading(palette.second), upright=True, radius=28)
    canvas.rectangle(392, 512, 548, 520, flat_shading(lighter(palette.second, 0.2)), radius=4)


def chair(canvas: Canvas, palette: Palette) -> None:
    _floor(canvas, palette)
    canvas.shadow(530, 920, 260, 30, 0.35)
    frame = palette.second
    canvas.rod([(400, 560), (372, 880)], 20, darker(frame, 0.3))
    canvas.rod([(640, 560), (668, 880)], 20, darker(frame, 0.3))
    canvas.rod([(352, 640), (360, 400), (330, 220)], 24, frame, curved=True)
    canvas.rod([(648, 640), (640, 400), (670, 220)], 24, frame, curved=True)
    for share in (0.2, 0.4, 0.6, 0.8):
        canvas.rod([(360 + 280 * share, 580), (344 + 312 * share, 250)], 12, frame)
    canvas.rod([(322, 236), (400, 196), (500, 184), (600, 196), (678, 236)], 44, frame, curved=True)
    canvas.polygon(
        [(320, 576), (680, 576), (726, 648), (274, 648)],
        flat_shading(lighter(palette.main, 0.1)),
        upright=True,
    )
    canvas.rectangle(272, 640, 728, 676, round_shading(palette.main), radius=16)
    canvas.rod([(310, 676), (284, 920)], 26, frame)
    canvas.rod([(690, 676), (716, 920)], 26, frame)
    canvas.rod([(302, 790), (698, 790)], 14, darker(frame, 0.12))


def stool(canvas: Canvas, palette: Palette) -> None:
    _floor(canvas, palette)
    canvas.shadow(540, 916, 260, 30, 0.4)
    canvas.rod([(500, 560), (520, 880)], 20, darker(palette.second, 0.32))
    canvas.rod([(400, 540), (320, 914)], 28, palette.second)
    canvas.rod([(600, 540), (680, 914)], 28, palette.second)
    canvas.rod([(352, 780), (648, 780)], 14, palette.second)
    canvas.ellipse(500, 556, 232, 50, round_shading(darker(palette.second, 0.1)))
    canvas.rectangle(268, 476, 732, 560, round_shading(palette.main), radius=36)
    canvas.ellipse(500, 484, 232, 52, ((0, lighter(palette.main, 0.28)), (1, palette.main)))
    canvas.ellipse(500, 482, 14, 5, flat_shading(darker(palette.main, 0.3)))


DRAWINGS = {"armchair": armchair, "chair": chair, "stool": stool}
