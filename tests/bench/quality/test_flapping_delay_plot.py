"""The drawing of flapping against delay."""

import re

from bench.quality.flapping_delay_plot import drawing


def test_every_choice_of_every_shop_is_a_point_with_its_value():
    choices = [
        {"hysteresis": share, "dwell": dwell, "cooldown": 0.0, "delay_days": 1.0 + dwell, "returns_per_month": 0.2}
        for share, dwell in ((0.0, 0.0), (0.15, 0.0), (0.05, 14.0))
    ]
    text = drawing({"A": {"choices": choices}, "B": {"choices": choices[:1]}, "measured": {"commit": "x"}})
    assert len(re.findall("<circle", text)) == 4 + 3  # and the legend's
    words = re.findall(r">([^<]*)</text>", text)
    assert [word for word in words if word in {"0%", "15%", "14"}] == ["0%", "15%", "14", "0%"]
