"""Whole rooms, for the first page."""

from __future__ import annotations

from demo_shop.pictures.canvas import Canvas, flat_shading, lit_shading, round_shading
from demo_shop.pictures.palette import BRASS, INK, WOOD, Colour, darker, lighter, mix

WALL: Colour = (62, 74, 78)
GROUND: Colour = (122, 84, 60)
LIGHT: Colour = (255, 214, 146)
VELVET: Colour = (198, 104, 66)
CREAM: Colour = (240, 226, 200)


def living_room(canvas: Canvas) -> None:
    """The left third stays quiet: the page writes on it."""
    canvas.room(WALL, GROUND, 720)
    canvas.glow(1010, 330, 560, LIGHT, 0.55)
    canvas.glow(1430, 380, 520, LIGHT, 0.6)
    _rug(canvas)
    _pendants(canvas)
    _picture(canvas)
    _sideboard(canvas)
    _armchair(canvas)
    _floor_lamp(canvas)


def _rug(canvas: Canvas) -> None:
    canvas.ellipse(
        1120, 838, 520, 70, ((0, darker(CREAM, 0.42)), (0.5, darker(CREAM, 0.14)), (1, darker(CREAM, 0.42)))
    )
    canvas.ellipse(
        1120, 836, 470, 56, ((0, darker(VELVET, 0.4)), (0.5, darker(VELVET, 0.16)), (1, darker(VELVET, 0.4)))
    )


def _pendants(canvas: Canvas) -> None:
    for x, y, half in ((860, 190, 74), (1010, 270, 96), (1150, 150, 66)):
        canvas.rod([(x, -10), (x, y)], 4, INK)
        canvas.lathe([(y - 16, 9), (y + 4, 13)], round_shading(BRASS), x=x)
        canvas.lathe(
            [(y, 12), (y + half * 0.25, half * 0.6), (y + half * 0.75, half * 0.94), (y + half * 1.05, half)],
            round_shading(VELVET if half > 90 else CREAM),
            x=x,
        )
        canvas.ellipse(
            x, y + half * 1.05, half, half * 0.13, ((0, LIGHT), (0.5, lighter(LIGHT, 0.85)), (1, LIGHT))
        )


def _picture(canvas: Canvas) -> None:
    canvas.cast([(700, 380), (850, 380), (850, 570), (700, 570)], 0.4)
    canvas.rectangle(690, 360, 840, 556, flat_shading(WOOD))
    canvas.rectangle(702, 372, 828, 544, flat_shading(CREAM), upright=True)
    canvas.ellipse(765, 440, 36, 36, flat_shading(VELVET), upright=True)
    canvas.polygon([(712, 534), (760, 470), (818, 534)], flat_shading(mix(WALL, CREAM, 0.3)), upright=True)


def _sideboard(canvas: Canvas) -> None:
    canvas.shadow(760, 796, 230, 22)
    for x in (600, 900):
        canvas.rod([(x, 740), (x, 796)], 12, darker(WOOD, 0.2))
    canvas.rectangle(570, 628, 930, 752, flat_shading(WOOD), upright=True, radius=8)
    for x in (690, 810):
        canvas.rod([(x, 638), (x, 744)], 3, darker(WOOD, 0.35))
    canvas.lathe(
        [(520, 18), (530, 15), (560, 28), (600, 44), (624, 32), (628, 30)], round_shading(CREAM), x=640
    )
    canvas.lathe([(566, 8), (572, 26), (600, 54), (612, 56)], lit_shading(VELVET, LIGHT), x=872)
    canvas.lathe([(610, 12), (622, 28), (630, 32)], round_shading(BRASS), x=872)


def _armchair(canvas: Canvas) -> None:
    canvas.shadow(1140, 832, 200, 22, 0.5)
    for top, foot in ((1030, 1012), (1250, 1268)):
        canvas.rod([(top, 770), (foot, 830)], 14, WOOD)
    canvas.rectangle(1000, 470, 1280, 740, round_shading(VELVET), radius=70)
    canvas.rectangle(1026, 496, 1254, 720, flat_shading(lighter(VELVET, 0.08)), upright=True, radius=52)
    canvas.rectangle(1020, 676, 1260, 776, flat_shading(lighter(VELVET, 0.14)), upright=True, radius=28)
    canvas.rectangle(956, 616, 1038, 786, round_shading(VELVET), radius=38)
    canvas.rectangle(1242, 616, 1324, 786, round_shading(darker(VELVET, 0.1)), radius=38)
    canvas.rectangle(1080, 590, 1190, 684, flat_shading(CREAM), upright=True, radius=18)


def _floor_lamp(canvas: Canvas) -> None:
    canvas.shadow(1440, 816, 90, 14)
    canvas.lathe([(800, 54), (806, 62), (818, 62)], round_shading(BRASS), x=1430)
    canvas.rod([(1430, 806), (1430, 400)], 10, BRASS)
    canvas.polygon([(1374, 250), (1486, 250), (1536, 410), (1324, 410)], lit_shading(CREAM, LIGHT))
    canvas.ellipse(1430, 410, 106, 12, ((0, LIGHT), (0.5, lighter(LIGHT, 0.85)), (1, LIGHT)))


def emblem(canvas: Canvas) -> None:
    """The shop's sign: one lamp and its light."""
    canvas.rectangle(0, 0, 128, 128, flat_shading(darker(VELVET, 0.1)), upright=True)
    canvas.glow(64, 86, 66, LIGHT, 0.8)
    canvas.rod([(64, 0), (64, 34)], 4, CREAM)
    canvas.lathe([(32, 6), (40, 18), (56, 34), (74, 41)], round_shading(CREAM), x=64)
    canvas.ellipse(64, 74, 41, 7, ((0, LIGHT), (0.5, lighter(LIGHT, 0.9)), (1, LIGHT)))
