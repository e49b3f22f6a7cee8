"""siblings: a variant stands below its sibling, everyone stands once, and no order is lost."""

from __future__ import annotations

import itertools

import pytest

from harness.model import Implementation
from harness.report.siblings import grouped, head


def known(**variants: str) -> dict[str, Implementation]:
    """Return implementations by name, each a variant of what is given."""
    return {
        name: Implementation(name=name, folder="/", title=name, style="x", variant_of=over)
        for name, over in variants.items()
    }


def test_variants_stand_below_their_sibling() -> None:
    """In the order given, wherever they stood; others keep their places."""
    found = known(a="", b="", c="a", d="", e="a")
    assert grouped(["c", "b", "a", "e", "d"], found) == [
        ("b", False),
        ("a", False),
        ("c", True),
        ("e", True),
        ("d", False),
    ]


def test_a_variant_of_a_variant_is_in_the_same_group() -> None:
    """Below the first of them; where that one is missing, below the next."""
    found = known(a="", b="a", c="b")
    assert grouped(["c", "b", "a"], found) == [("a", False), ("c", True), ("b", True)]
    assert grouped(["c", "b"], found) == [("b", False), ("c", True)]


@pytest.mark.parametrize("over", ["nobody", "b"])
def test_a_variant_without_its_sibling_stands_alone(over: str) -> None:
    """A name that nothing has, or that takes no part, is no reason to lose it."""
    assert grouped(["c", "a"], known(a="", b="", c=over)) == [("c", False), ("a", False)]


def test_everyone_stands_once_whatever_is_a_variant_of_what() -> None:
    """Every graph over three, rings and oneself included: a permutation, its heads first."""
    names = ["a", "b", "c"]
    for overs in itertools.product(["", *names], repeat=3):
        found = known(**dict(zip(names, overs, strict=True)))
        order = grouped(names, found)
        assert sorted(name for name, _ in order) == names, overs
        for at, (name, variant) in enumerate(order):
            assert variant == (head(name, found, names) != name), overs
            assert not variant or any(not below for _, below in order[:at]), overs
