"""Registries: what plugs in, and what is refused at start-up with names that help."""

from __future__ import annotations

from typing import Any

import pytest

from triggers.exceptions import KindError, UnknownKind
from triggers.registry import Registry
from triggers.steps import steps


class Animal:
    key: Any


class Cat(Animal):
    key = "cat"


class OtherCat(Animal):
    key = "cat"


@pytest.fixture
def animals() -> Registry[Animal]:
    return Registry("animal", Animal)


def test_kinds_are_found_by_key_in_the_order_of_registration(animals: Registry[Animal]) -> None:
    class Ant(Animal):
        key = "ant"

    assert animals.register(Cat) is Cat
    assert animals.register(Ant) is Ant
    assert [type(kind) for kind in animals] == [Cat, Ant]
    assert "cat" in animals
    assert animals.get("cat") is animals.get("cat")


def test_a_taken_key_names_both(animals: Registry[Animal]) -> None:
    animals.register(Cat)
    with pytest.raises(KindError) as refused:
        animals.register(OtherCat)
    assert f"{__name__}.Cat" in str(refused.value)
    assert f"{__name__}.OtherCat" in str(refused.value)
    assert type(animals.get("cat")) is Cat


@pytest.mark.parametrize("key", [None, "", "Cat", "1cat", "a-b", "a b", "x" * 51, "cat\n", 5, ["cat"]])
def test_a_malformed_key_names_the_kind(animals: Registry[Animal], key: Any) -> None:
    class Odd(Animal):
        pass

    Odd.key = key
    with pytest.raises(KindError, match="Odd"):
        animals.register(Odd)


@pytest.mark.parametrize("thing", [Cat(), int, "cat", None])
def test_what_is_no_kind_is_refused(animals: Registry[Animal], thing: Any) -> None:
    with pytest.raises(KindError, match="is not a Animal class"):
        animals.register(thing)


def test_an_unknown_kind_says_of_what_family(animals: Registry[Animal]) -> None:
    with pytest.raises(UnknownKind) as refused:
        animals.get("dog")
    assert (refused.value.family, refused.value.key) == ("animal", "dog")


def test_registered_ends_with_its_block(animals: Registry[Animal]) -> None:
    with animals.registered(Cat) as cat:
        assert animals.get("cat") is cat
    assert "cat" not in animals


def test_registered_ends_with_a_test_that_fails(animals: Registry[Animal]) -> None:
    with pytest.raises(KindError), animals.registered(Cat):
        animals.register(OtherCat)
    assert "cat" not in animals


def test_ours_are_there() -> None:
    assert {"wait", "condition", "send_email", "send_sms", "change_contact", "exit"} <= {
        kind.key for kind in steps
    }
