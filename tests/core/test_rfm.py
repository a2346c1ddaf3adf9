"""Fifths of buyers, and the classes made of them."""

from __future__ import annotations

import pytest

from triggers.core.rfm import RFM_CLASSES, edges, fifth, rfm_class


def test_ten_buyers_make_five_fifths_of_two() -> None:
    borders = edges([float(one) for one in range(10)])
    assert [fifth(float(one), borders) for one in range(10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_equal_buyers_share_a_fifth() -> None:
    """Half of all buyers order once: they are of one class, whoever comes first in the table."""
    values = [1.0] * 6 + [2.0, 3.0, 4.0, 9.0]
    borders = edges(values)
    assert len({fifth(1.0, borders)}) == 1
    assert fifth(1.0, borders) < fifth(3.0, borders) <= fifth(9.0, borders) == 5


def test_without_buyers_there_is_nothing_to_compare_with() -> None:
    assert edges([]) == ()
    assert fifth(7.0, ()) == 1


@pytest.mark.parametrize(
    ("recency", "frequency", "money", "expected"),
    [
        (5, 5, 5, "champions"),
        (4, 3, 3, "loyal"),
        (5, 1, 1, "new"),
        (3, 4, 4, "loyal"),
        (3, 1, 2, "promising"),
        (1, 5, 5, "at_risk"),
        (1, 1, 1, "lost"),
    ],
)
def test_classes(recency: int, frequency: int, money: int, expected: str) -> None:
    assert rfm_class(recency, frequency, money) == expected


def test_every_combination_has_a_class() -> None:
    found = {rfm_class(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)}
    assert found == set(RFM_CLASSES)
