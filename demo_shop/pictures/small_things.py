"""Things for the wall and the sideboard."""

from __future__ import annotations

import math

from demo_shop.pictures.canvas import Canvas, flat_shading, round_shading
from demo_shop.pictures.palette import BRASS, INK, WOOD, Palette, darker, lighter, mix


def clock(canvas: Canvas, palette: Palette) -> None:
    canvas.room(palette.wall, palette.ground, 930)
    canvas.shadow(524, 506, 320, 320, 0.3)
    canvas.ellipse(500, 470, 316, 316, round_shading(palette.second))
    canvas.ellipse(
        500, 470, 282, 282, ((0, lighter(palette.main, 0.3)), (1, darker(palette.main, 0.06))), upright=True
    )
    mark = INK if sum(palette.main) > 380 else lighter(palette.wall, 0.6)
    for hour in range(12):
        angle = math.radians(hour * 30)
        inner = 214 if hour % 3 == 0 else 236
        canvas.rod(
            [
                (500 + inner * math.sin(angle), 470 - inner * math.cos(angle)),
                (500 + 256 * math.sin(angle), 470 - 256 * math.cos(angle)),
            ],
            12 if hour % 3 == 0 else 7,
            mark,
        )
    canvas.rod([(520, 494), (390, 384)], 18, mark)
    canvas.rod([(480, 484), (650, 340)], 12, mark)
    canvas.rod([(500, 530), (500, 280)], 4, BRASS)
    canvas.ellipse(500, 470, 17, 17, round_shading(BRASS))


def candles(canvas: Canvas, palette: Palette) -> None:
    canvas.room(palette.wall, palette.ground, 780)
    for x, top, burns in ((310, 380, 0.8), (500, 240, 1.0), (690, 460, 0.7)):
        canvas.shadow(x + 40, 872, 110, 18)
        canvas.glow(x, top - 40, 260 * burns, palette.light, 0.8)
        holder = top + 230
        canvas.rectangle(x - 26, top, x + 26, holder + 10, round_shading((246, 236, 216)), radius=8)
        canvas.lathe([(holder, 48), (holder + 12, 52), (holder + 26, 26)], round_shading(palette.second), x=x)
        canvas.rod([(x, holder + 22), (x, 840)], 22, palette.second)
        canvas.lathe(
            [(holder + 80, 12), (holder + 98, 32), (holder + 116, 12)], round_shading(palette.second), x=x
        )
        canvas.lathe([(830, 20), (846, 60), (868, 92), (876, 90)], round_shading(palette.second), x=x)
        canvas.rod([(x, top), (x, top - 14)], 4, INK)
        canvas.lathe(
            [(top - 88, 1), (top - 56, 13), (top - 28, 17), (top - 8, 6)],
            ((0, (255, 190, 88)), (0.5, (255, 250, 226)), (1, (255, 190, 88))),
            x=x,
        )


def mirror(canvas: Canvas, palette: Palette) -> None:
    canvas.room(palette.wall, palette.ground, 850)
    canvas.shadow(526, 466, 290, 290, 0.28)
    canvas.ellipse(500, 430, 292, 292, round_shading(WOOD))
    glass = mix(palette.wall, (196, 214, 222), 0.6)
    canvas.ellipse(
        500, 430, 264, 264, ((0, lighter(glass, 0.55)), (0.5, glass), (1, darker(glass, 0.12))), upright=True
    )
    canvas.polygon(
        [(360, 300), (430, 230), (640, 520), (580, 610)],
        ((0, lighter(glass, 0.7)), (1, lighter(glass, 0.25))),
    )
    canvas.polygon(
        [(470, 216), (500, 200), (702, 480), (680, 530)],
        ((0, lighter(glass, 0.7)), (1, lighter(glass, 0.25))),
    )
    canvas.rectangle(150, 836, 850, 872, flat_shading(WOOD), upright=True, radius=6)
    canvas.cast([(160, 874), (840, 874), (860, 910), (180, 910)])
    canvas.lathe(
        [(700, 26), (712, 22), (750, 34), (800, 58), (832, 44), (838, 42)], round_shading(palette.main), x=270
    )
    canvas.rectangle(640, 796, 800, 816, flat_shading(palette.main), radius=4)
    canvas.rectangle(626, 816, 790, 838, flat_shading(palette.second), radius=4)


DRAWINGS = {"clock": clock, "candles": candles, "mirror": mirror}
