"""Pictures of the catalogue, drawn with Pillow: the same bytes on every machine, no file to ship."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from demo_shop.pictures import furniture, lamps, pendants, rooms, small_things, vases
from demo_shop.pictures.canvas import Canvas
from demo_shop.pictures.palette import PALETTES

SIDE = 800
HERO_WIDTH, HERO_HEIGHT = 1600, 900

DRAWINGS = {
    **lamps.DRAWINGS,
    **pendants.DRAWINGS,
    **vases.DRAWINGS,
    **furniture.DRAWINGS,
    **small_things.DRAWINGS,
}


def draw_product(drawing: str, palette: str) -> bytes:
    """JPEG, 800 by 800 pixels, of one of `DRAWINGS` in the colours of one of `PALETTES`."""
    canvas = Canvas(1000, 1000, SIDE / 1000)
    DRAWINGS[drawing](canvas, PALETTES[palette])
    return _jpeg(canvas.finished())


def draw_hero() -> bytes:
    """JPEG, 1600 by 900 pixels, of a room furnished with the shop's things."""
    canvas = Canvas(1600, 900, HERO_WIDTH / 1600)
    rooms.living_room(canvas)
    return _jpeg(canvas.finished())


def _jpeg(picture: Image.Image) -> bytes:
    target = BytesIO()
    picture.save(target, "JPEG", quality=88, optimize=True, progressive=True)
    return target.getvalue()


def draw_logo() -> bytes:
    """PNG, 128 by 128 pixels, for the head of letters."""
    canvas = Canvas(128, 128, 1)
    rooms.emblem(canvas)
    target = BytesIO()
    canvas.finished().save(target, "PNG", optimize=True)
    return target.getvalue()
