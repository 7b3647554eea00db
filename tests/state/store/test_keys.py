"""The names of keys are a contract: other programs read them, and data of earlier releases is found under them."""

import pytest

from state.store import keys


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (keys.customers(3), "customers:{3}"),
        (keys.profiles(3), "profiles:{3}"),
        (keys.offsets(3, "segments"), "offsets:{3}:segments"),
        (keys.epoch(3, "experiments"), "epoch:{3}:experiments"),
        (keys.outcome_counts(3, "segments"), "fates:{3}:segments"),
        (keys.outbox(3), "outbox:{3}"),
        (keys.model(3), "model:{3}"),
        (keys.erased(3), "erased:{3}"),
        (keys.erasing(3), "erasing:{3}"),
        (keys.purchases(3), "purchases:{3}"),
        (keys.exposed(3, "hero"), "exposed:{3}:hero"),
        (keys.tally(3, "hero"), "tally:{3}:hero"),
        (keys.experiment("hero"), "experiment:hero"),
        (keys.effect_series("hero"), "looks:hero"),
        (keys.suppressed("all"), "suppressed:all"),
        (keys.deliveries("spring"), "deliveries:{spring}"),
        (keys.deliveries_due("spring"), "deliveries:{spring}:due"),
        (keys.deliveries_seen("spring"), "deliveries:{spring}:seen"),
        (keys.contacts("anna"), "contacts:anna"),
        (keys.segment("anna"), "segment:anna"),
        (keys.baseline(2), "baseline:2"),
        (keys.baseline_report(2), "baseline:2:report"),
    ],
)
def test_a_key_keeps_its_name(name, expected):
    assert name == expected
