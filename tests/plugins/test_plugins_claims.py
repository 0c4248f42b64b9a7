"""Each name of a plugin has one owner."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from seqpipe.plugins._host import contest, read_claims

BUILTIN = ("seqpipe", "seqpipe.builtin", "seqpipe 0.1.0")


def claims_of(*wanted):
    """Return the claims of entry points given by name, module, and distribution."""
    entry_points = []
    for name, module, owner in wanted:
        entry_point = EntryPoint(name, module, "seqpipe")
        if owner:
            owner, _, version = owner.partition(" ")
            entry_point = entry_point._for(SimpleNamespace(name=owner, version=version))
        entry_points.append(entry_point)
    return read_claims(entry_points)


def troubles(*wanted):
    claims = claims_of(*wanted)
    return [contest(claim, claims) for claim in claims]


def test_claims_are_sorted_by_name():
    claims = claims_of(("b", "m", "x 1"), ("c", "m", "x 1"), ("a", "m", "x 1"))
    assert [claim.name for claim in claims] == ["a", "b", "c"]


def test_sole_claim_is_accepted():
    assert troubles(BUILTIN, ("acme", "acme_parts", "acme-parts 1.0")) == [None, None]


@pytest.mark.parametrize("again", ["acme-parts 1.0", "acme-parts 0.9", "Acme_Parts 1.0"])
def test_distribution_that_is_found_twice_has_one_claim_that_of_the_first(again):
    claims = claims_of(("acme", "acme_parts", "acme-parts 1.0"), ("acme", "acme_parts", again))
    assert [str(claim.owner) for claim in claims] == ["acme-parts 1.0"]


def test_two_owners_of_a_name_are_both_refused_and_named():
    for trouble in troubles(("acme", "one", "acme-one 1.0"), ("acme", "two", "acme-two 2.0")):
        assert trouble.reason == ("acme-one 1.0 and acme-two 2.0 both claim the plugin name 'acme'")
        assert trouble.fix == "pip uninstall acme-one or acme-two: only one may have it"


def test_same_module_from_two_distributions_is_still_two_owners():
    found = troubles(("acme", "acme_parts", "acme-new 1.0"), ("acme", "acme_parts", "acme-old 0.9"))
    assert all("acme-new 1.0 and acme-old 0.9 both" in trouble.reason for trouble in found)


def test_three_owners_are_all_named():
    found = troubles(*[("acme", "m", f"acme-{n} 1") for n in "cab"])
    assert all("acme-a 1 and acme-b 1 and acme-c 1 all claim" in each.reason for each in found)


def test_distribution_that_claims_a_name_for_two_modules_is_refused():
    found = troubles(("acme", "one", "acme-parts 1.0"), ("acme", "two", "acme-parts 1.0"))
    for trouble in found:
        assert "acme-parts 1.0 claims the plugin name 'acme' more than once" in trouble.reason
        assert trouble.reason.endswith(": for one and two")
        assert "report it to the authors of acme-parts" in trouble.fix


def test_names_are_compared_as_they_are_written():
    assert troubles(("acme", "one", "one 1"), ("Acme", "two", "two 1")) == [None, None]


@pytest.mark.parametrize("module", ["thief", "seqpipe.builtin"])
def test_our_own_name_cannot_be_claimed(module):
    ours, theirs = troubles(BUILTIN, ("seqpipe", module, "thief-parts 9.0"))
    assert ours is None
    assert "thief-parts 9.0 claims the plugin name 'seqpipe', which is that of seqpipe's own" in (
        theirs.reason
    )
    assert theirs.fix.startswith("pip uninstall thief-parts")
