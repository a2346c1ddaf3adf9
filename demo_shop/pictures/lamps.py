"""Lamps that stand: on a table or on the floor."""

from __future__ import annotations

from demo_shop.pictures.canvas import Canvas, flat_shading, lit_shading, round_shading
from demo_shop.pictures.palette import BRASS, INK, WOOD, Palette, darker, lighter, mix


def _table(canvas: Canvas, palette: Palette) -> None:
    canvas.room(palette.wall, palette.ground, 760)


def _floor(canvas: Canvas, palette: Palette) -> None:
    canvas.room(palette.wall, palette.ground, 850)


def mushroom(canvas: Canvas, palette: Palette) -> None:
    _table(canvas, palette)
    canvas.shadow(560, 850, 250, 34)
    canvas.glow(500, 470, 470, palette.light, 0.75)
    canvas.lathe(
        [(470, 44), (600, 40), (730, 58), (810, 118), (848, 150), (852, 150)], round_shading(palette.main)
    )
    canvas.ellipse(500, 484, 250, 38, ((0, lighter(palette.light, 0.5)), (1, palette.light)))
    canvas.lathe(
        [(262, 8), (270, 90), (312, 176), (392, 246), (480, 268), (492, 262)],
        lit_shading(palette.main, palette.light),
    )
    canvas.ellipse(
        500,
        486,
        262,
        20,
        ((0, lighter(palette.light, 0.2)), (0.5, lighter(palette.light, 0.8)), (1, palette.light)),
    )


def gourd(canvas: Canvas, palette: Palette) -> None:
    _table(canvas, palette)
    canvas.shadow(560, 856, 220, 32)
    canvas.glow(500, 400, 500, palette.light, 0.7)
    canvas.rod([(500, 480), (500, 560)], 16, BRASS)
    canvas.lathe(
        [
            (540, 30),
            (566, 36),
            (604, 74),
            (640, 84),
            (676, 72),
            (704, 86),
            (760, 150),
            (816, 148),
            (856, 92),
            (860, 88),
        ],
        round_shading(palette.main),
    )
    canvas.ellipse(452, 740, 20, 44, ((0, lighter(palette.main, 0.55)), (1, lighter(palette.main, 0.3))))
    shade = lighter(palette.second, 0.72)
    canvas.polygon([(388, 220), (612, 220), (706, 508), (294, 508)], lit_shading(shade, palette.light))
    canvas.ellipse(
        500, 508, 206, 22, ((0, palette.light), (0.5, lighter(palette.light, 0.75)), (1, palette.light))
    )
    canvas.ellipse(500, 220, 112, 12, ((0, lighter(palette.light, 0.3)), (1, lighter(palette.light, 0.6))))


def globe(canvas: Canvas, palette: Palette) -> None:
    _table(canvas, palette)
    canvas.shadow(560, 850, 230, 30)
    canvas.glow(500, 500, 520, palette.light, 0.8)
    canvas.rectangle(350, 690, 650, 852, round_shading(palette.second), radius=14)
    canvas.rectangle(350, 690, 650, 716, flat_shading(lighter(palette.second, 0.25)), radius=12)
    canvas.lathe([(660, 62), (676, 70), (700, 70)], round_shading(BRASS))
    glass = lighter(palette.light, 0.45)
    canvas.ellipse(
        500,
        500,
        190,
        190,
        ((0, palette.light), (0.45, lighter(glass, 0.6)), (1, mix(palette.light, palette.main, 0.25))),
    )
    canvas.glow(490, 490, 190, (255, 255, 255), 0.9)


def desk(canvas: Canvas, palette: Palette) -> None:
    _table(canvas, palette)
    canvas.shadow(430, 856, 180, 26)
    canvas.polygon(
        [(610, 470), (780, 420), (960, 858), (520, 858)],
        ((0, mix(palette.wall, palette.light, 0.55)), (1, mix(palette.ground, palette.light, 0.35))),
    )
    canvas.glow(720, 800, 260, palette.light, 0.7)
    canvas.lathe([(826, 90), (838, 132), (858, 136), (862, 132)], round_shading(palette.main), x=360)
    canvas.rod([(360, 830), (270, 560)], 20, palette.second)
    canvas.rod([(270, 560), (590, 340)], 20, palette.second)
    for x, y in ((360, 828), (270, 560), (590, 340)):
        canvas.ellipse(x, y, 22, 22, round_shading(BRASS))
    canvas.polygon([(556, 296), (660, 262), (800, 414), (604, 480)], round_shading(palette.main))
    canvas.polygon(
        [(604, 480), (800, 414), (792, 440), (614, 496)],
        ((0, lighter(palette.light, 0.6)), (1, palette.light)),
    )


def pleated(canvas: Canvas, palette: Palette) -> None:
    _table(canvas, palette)
    canvas.shadow(560, 856, 210, 30)
    canvas.glow(500, 420, 500, palette.light, 0.75)
    canvas.lathe(
        [
            (540, 26),
            (570, 30),
            (596, 62),
            (624, 30),
            (664, 34),
            (700, 84),
            (738, 36),
            (800, 42),
            (846, 128),
            (858, 130),
        ],
        round_shading(palette.second),
    )
    top, bottom, count = 250, 550, 18
    for fold in range(count):
        first, last = fold / count, (fold + 1) / count
        colour = mix(palette.main, palette.light, 0.72 - abs(first - 0.45) * 0.9)
        canvas.polygon(
            [
                (360 + 280 * first, top),
                (360 + 280 * last, top),
                (266 + 468 * last, bottom),
                (266 + 468 * first, bottom),
            ],
            ((0, lighter(colour, 0.4)), (0.5, colour), (1, darker(colour, 0.14))),
        )
    canvas.rectangle(262, 540, 738, 556, round_shading(palette.main), radius=8)
    canvas.rectangle(356, 244, 644, 258, round_shading(palette.main), radius=6)


def arc(canvas: Canvas, palette: Palette) -> None:
    _floor(canvas, palette)
    canvas.shadow(760, 912, 130, 20)
    canvas.shadow(330, 930, 230, 30, 0.2)
    canvas.glow(310, 470, 420, palette.light, 0.75)
    canvas.lathe(
        [(884, 92), (892, 100), (916, 100), (920, 96)], round_shading(mix(palette.main, INK, 0.4)), x=750
    )
    canvas.rod(
        [(750, 886), (772, 640), (750, 360), (640, 190), (480, 150), (360, 210), (312, 300)],
        18,
        BRASS,
        curved=True,
    )
    canvas.lathe(
        [(292, 24), (308, 70), (350, 128), (410, 164), (440, 168), (444, 166)],
        lit_shading(palette.main, palette.light),
        x=310,
    )
    canvas.ellipse(
        310, 442, 166, 18, ((0, palette.light), (0.5, lighter(palette.light, 0.8)), (1, palette.light))
    )


def tripod(canvas: Canvas, palette: Palette) -> None:
    _floor(canvas, palette)
    canvas.shadow(540, 924, 280, 26, 0.35)
    canvas.glow(500, 270, 480, palette.light, 0.75)
    canvas.rod([(500, 400), (560, 900)], 18, darker(WOOD, 0.3))
    canvas.rod([(496, 400), (310, 926)], 22, WOOD)
    canvas.rod([(504, 400), (700, 926)], 22, WOOD)
    canvas.rod([(408, 650), (598, 650)], 10, BRASS)
    canvas.lathe([(372, 30), (392, 38), (424, 30)], round_shading(BRASS))
    canvas.rectangle(320, 110, 680, 380, lit_shading(palette.main, palette.light), radius=10)
    canvas.rectangle(320, 110, 680, 122, round_shading(palette.second), radius=6)
    canvas.rectangle(320, 368, 680, 380, round_shading(palette.second), radius=6)


def column(canvas: Canvas, palette: Palette) -> None:
    _floor(canvas, palette)
    canvas.shadow(540, 926, 210, 26)
    canvas.glow(500, 520, 560, palette.light, 0.75)
    canvas.rectangle(388, 130, 612, 900, lit_shading(palette.main, palette.light), radius=100)
    for rib in range(17):
        y = 170 + rib * 43
        half = 112 if 1 < rib < 16 else 92 + min(rib, 17 - rib) * 8
        tone = mix(palette.main, palette.light, 0.4)
        canvas.ellipse(
            500,
            y,
            half,
            5,
            ((0, darker(tone, 0.28)), (0.5, mix(tone, (255, 255, 255), 0.25)), (1, darker(tone, 0.36))),
        )
    canvas.lathe([(880, 124), (890, 132), (924, 134), (928, 130)], round_shading(palette.second))


def reading(canvas: Canvas, palette: Palette) -> None:
    _floor(canvas, palette)
    canvas.shadow(430, 922, 170, 22)
    canvas.polygon(
        [(560, 330), (740, 330), (900, 920), (470, 920)],
        (
            (0, mix(palette.wall, palette.light, 0.35)),
            (0.5, mix(palette.wall, palette.light, 0.6)),
            (1, mix(palette.wall, palette.light, 0.25)),
        ),
    )
    canvas.glow(650, 880, 300, palette.light, 0.5)
    canvas.lathe([(896, 100), (906, 130), (922, 132), (926, 128)], round_shading(palette.second), x=390)
    canvas.rod([(390, 900), (390, 240), (420, 170), (500, 160), (650, 190)], 16, BRASS, curved=True)
    canvas.rod([(390, 560), (440, 560)], 12, BRASS)
    canvas.lathe(
        [(186, 34), (200, 62), (270, 94), (336, 118), (340, 116)], round_shading(palette.main), x=650
    )
    canvas.ellipse(
        650, 338, 116, 14, ((0, palette.light), (0.5, lighter(palette.light, 0.85)), (1, palette.light))
    )


DRAWINGS = {
    "mushroom": mushroom,
    "gourd": gourd,
    "globe": globe,
    "desk": desk,
    "pleated": pleated,
    "arc": arc,
    "tripod": tripod,
    "column": column,
    "reading": reading,
}
