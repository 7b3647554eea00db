"""The map of the world: every outline closed, nobody lost, and no text of others run."""

import numpy as np
import pytest

from batch.world.country_codes import country_code, country_name
from batch.world.country_outlines import country_rings
from batch.world.map_drawing import draw_world

NASTY = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("GB", "826"), ("GBR", "826"), ("united kingdom", "826"), (" UK ", "826"), ("EIRE", "372"), ("RSA", "710"),
        ("USA", "840"), ("Brasil", "076"), ("Deutschland", "276"), ("South Korea", "410"), ("Czech Republic", "203"),
        ("Channel Islands", None), ("European Community", None), ("Unspecified", None), ("", None), (NASTY, None),
    ],
)  # fmt: skip
def test_countries_are_known_by_what_crms_call_them(said, code):
    assert country_code(said) == code


def test_outlines_are_closed_and_lie_where_the_country_lies():
    rings = country_rings()
    assert len(rings) > 170
    for country in rings.values():
        for ring in country:
            assert len(ring) > 3
            assert np.allclose((ring[0] - ring[-1]) % 360.0, 0.0), "Antarctica goes once around"
            assert np.abs(np.diff(ring[:, 0])).max() < 60, "no line runs across the map"
    iceland = np.concatenate(rings["352"])
    assert (iceland.min(axis=0) > (-25, 63)).all()
    assert (iceland.max(axis=0) < (-13, 67)).all()


def test_every_customer_is_on_the_map_or_named_beside_it():
    world = draw_world(
        {("GB", "Loyal"): 900, ("United Kingdom", "New"): 100, ("FR", "New"): 1, ("SG", "New"): 7, (NASTY, "New"): 2}
    )
    assert "<title>United Kingdom: 1,000 (Loyal 90%, New 10%)</title>" in world.svg
    assert "<title>France: 1 (New 100%)</title>" in world.svg
    assert world.svg.count("<title>") == 2
    assert world.unplaced == {"Singapore": 7, NASTY: 2}
    assert world.shades[0][0] == 1
    assert world.shades[-1][1] == 1_000
    assert all(high + 1 == low for (_, high), (low, _) in zip(world.shades, world.shades[1:], strict=False))


def test_names_of_segments_are_text():
    assert NASTY not in draw_world({("FR", NASTY): 3}).svg


def test_without_anybody_there_is_no_map():
    assert draw_world({}) is None
    assert draw_world({("Unspecified", "New"): 4}) is None


def test_names_of_countries_are_the_usual_ones():
    assert [country_name(code) for code in ("826", "840", "643", "704")] == [
        "United Kingdom", "United States", "Russian Federation", "Vietnam",
    ]  # fmt: skip
