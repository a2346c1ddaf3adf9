"""The shop's goods, as `manage.py seed_demo` puts them on the shelves."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Article:
    """One product. `drawing` and `palette` name what `demo_shop.pictures` draws."""

    sku: str
    name: str
    price: Decimal
    stock: int
    drawing: str
    palette: str
    material: str
    dimensions: str
    description: str
    is_featured: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """One category with its articles, in the order in which they are shown."""

    slug: str
    name: str
    intro: str
    articles: tuple[Article, ...] = field(default=())


CATALOGUE = (
    Shelf(
        "table-lamps",
        "Table lamps",
        "Small pools of light for shelves, desks and the side of the bed.",
        (
            Article(
                "TL-101", "Pilz", Decimal("129.00"), 24, "mushroom", "amber",
                "Mouth-blown glass, lacquered steel", "26 × 32 cm",
                "A mushroom made of one piece of amber glass. The shade glows all the way through, so it is a lamp "
                "even on the brightest day. Dims in three steps by a touch on its foot.",
                True,
            ),
            Article(
                "TL-102", "Calabash", Decimal("98.50"), 17, "gourd", "terracotta",
                "Glazed stoneware, linen", "30 × 46 cm",
                "The foot is thrown on the wheel and glazed twice, so no two are the same red. The linen shade "
                "softens a bright bulb into evening.",
            ),
            Article(
                "TL-103", "Moonrise", Decimal("74.90"), 40, "globe", "sage",
                "Opal glass, walnut", "19 × 27 cm",
                "An opal globe that rests on a block of walnut as if it had just come up behind it. Warm enough for "
                "the bedroom, bright enough to find your glasses.",
                True,
            ),
            Article(
                "TL-104", "Elbow reading and drawing lamp with two joints and a heavy foot that stays where you put it",
                Decimal("159.00"), 9, "desk", "night",
                "Aluminium, brass joints", "64 cm reach",
                "Two joints with springs hold any position for years. The shade keeps the light on the page and out "
                "of your eyes.",
            ),
            Article(
                "TL-105", "Plissé", Decimal("112.00"), 14, "pleated", "plum",
                "Pleated cotton, turned brass", "28 × 44 cm",
                "Eighteen folds, pressed by hand, on a turned brass foot. It makes an ordinary chest of drawers look "
                "inherited.",
                True,
            ),
        ),
    ),
    Shelf(
        "pendant-lights",
        "Pendant lights",
        "For the table everyone ends up at.",
        (
            Article(
                "PL-201", "Halbmond", Decimal("189.00"), 12, "dome", "mustard",
                "Spun aluminium, textile cord 2 m", "⌀ 48 cm",
                "A half moon over the table: bright below, quiet above. The inside is brushed white so that soup and "
                "faces look the way they should.",
                True,
            ),
            Article(
                "PL-202", "Glocke", Decimal("139.00"), 20, "bell", "ink",
                "Cast aluminium, brass ring", "⌀ 38 cm",
                "The bell of an old workshop, without the dust. A brass ring marks where the casting ends and the "
                "light begins.",
            ),
            Article(
                "PL-203", "Trio", Decimal("219.00"), 7, "cone", "clay",
                "Terracotta, textile cord 2 m each", "3 × ⌀ 20 cm",
                "Three small cones on three cords. Hang them in a row above a counter or at three heights in a "
                "corner; the set comes with one canopy for both.",
            ),
            Article(
                "PL-204", "Papyra", Decimal("49.90"), 60, "paper", "linen",
                "Rice paper, bamboo", "⌀ 50 cm",
                "Rice paper over bamboo rings, folded flat in its box and round in half a minute. The cheapest way "
                "to make a room softer.",
                True,
            ),
            Article(
                "PL-205", "Constellation", Decimal("349.00"), 3, "cluster", "forest",
                "Opal glass, brass", "70 × 90 cm",
                "Five opal globes of four sizes under one brass bar. Each cord is set to length on the day it is "
                "hung, so yours will be the only one like it.",
            ),
        ),
    ),
    Shelf(
        "floor-lamps",
        "Floor lamps",
        "Light that stands where you need it and moves when you do.",
        (
            Article(
                "FL-301", "Bogen", Decimal("279.00"), 6, "arc", "sky",
                "Brass tube, cast-iron foot", "168 × 110 cm",
                "An arc of brass reaches over the sofa and asks for no hole in the ceiling. The foot weighs eleven "
                "kilograms, so children may hang a coat on it.",
                True,
            ),
            Article(
                "FL-302", "Stativ", Decimal("198.00"), 11, "tripod", "linen",
                "Oak, cotton shade", "150 × 62 cm",
                "Three oak legs, one cotton drum. It stands firm on old floors because three legs never wobble.",
            ),
            Article(
                "FL-303", "Kokon", Decimal("164.00"), 15, "column", "forest",
                "Stretched fabric, steel rings", "⌀ 28 × 120 cm",
                "A column of light as tall as a child. Seventeen rings hold a fabric that washes at thirty degrees.",
            ),
            Article(
                "FL-304", "Lesesaal", Decimal("229.00"), 8, "reading", "blush",
                "Lacquered steel, brass", "138 × 48 cm",
                "A reading lamp that points at the book. The neck turns all the way round and the switch is where "
                "your hand is.",
            ),
        ),
    ),
    Shelf(
        "vases",
        "Vases & planters",
        "Good company for a branch from the park.",
        (
            Article(
                "VA-401", "Bauch", Decimal("54.00"), 33, "eucalyptus", "sage",
                "Glazed stoneware", "22 × 34 cm",
                "A wide belly and a narrow neck, so that three stems stand as if somebody had arranged them.",
                True,
            ),
            Article(
                "VA-402", "Flasche", Decimal("46.50"), 28, "pampas", "night",
                "Stoneware, gold glaze band", "18 × 40 cm",
                "A bottle for long, dry grasses. The band is painted by one person in Meissen on Thursdays.",
            ),
            Article(
                "VA-403", "Rille", Decimal("62.00"), 19, "ribbed", "plum",
                "Slip-cast porcelain", "24 × 33 cm",
                "Ribs that catch the light from the side. Comes with a small brass friend for a single daisy.",
            ),
            Article(
                "VA-404", "Terrasse planter on three feet for plants that would like to see out of the window",
                Decimal("38.90"), 45, "planter", "sky",
                "Powder-coated steel, oak feet", "⌀ 26 × 34 cm",
                "Raises a plant by a hand's breadth, which is often the difference between surviving and growing. "
                "The inner pot holds water for ten days.",
            ),
        ),
    ),
    Shelf(
        "seating",
        "Chairs & stools",
        "Places to stay a while.",
        (
            Article(
                "SE-501", "Nest armchair", Decimal("649.00"), 4, "armchair", "terracotta",
                "Wool bouclé, beech", "82 × 78 × 84 cm",
                "Deep enough to sit sideways in. The covers come off with a zip and go to the cleaner's; the cushion "
                "is part of the family.",
                True,
            ),
            Article(
                "SE-502", "Sprosse", Decimal("239.00"), 16, "chair", "clay",
                "Solid ash, woven seat", "46 × 52 × 84 cm",
                "Four spindles, one bent rail, no screws. The joints are wedged and get tighter with use.",
            ),
            Article(
                "SE-503", "Hocker", Decimal("119.00"), 22, "stool", "mustard",
                "Beech, wool felt", "⌀ 36 × 46 cm",
                "A stool, a bedside table, a step to the upper shelf. Carries a hundred and fifty kilograms and one "
                "cat.",
            ),
        ),
    ),
    Shelf(
        "small-things",
        "Small things",
        "What makes the shelf look finished.",
        (
            Article(
                "ST-601", "Viertel vor", Decimal("84.00"), 26, "clock", "sky",
                "Lacquered MDF, steel hands", "⌀ 38 cm",
                "A wall clock without numbers and without ticking. Runs for two years on one battery.",
            ),
            Article(
                "ST-602", "Trias candle holders", Decimal("69.00"), 30, "candles", "forest",
                "Solid brass, set of three", "18, 26 and 32 cm",
                "Three heights, one tree of brass. They darken in a year and look better for it. Candles included.",
            ),
            Article(
                "ST-603", "Bullauge", Decimal("145.00"), 10, "mirror", "clay",
                "Steamed oak, mirror glass", "⌀ 60 cm",
                "A porthole for the hall. One strip of oak, bent in steam, closed with a joint that you will look "
                "for and not find.",
            ),
        ),
    ),
)  # fmt: skip
