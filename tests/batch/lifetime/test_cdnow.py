"""The published fits to the 1/10 CDNOW sample, 39 weeks of calibration and 39 of holdout, come out.

BG/NBD: Fader, Hardie, Lee (2005), table 2; the holdout by the paper's own data. Gamma-Gamma: Fader, Hardie (2013),
section 4, on the 946 customers who bought again. Both count purchases of one day as one.
"""

import numpy as np
import pandas as pd
import pytest

from batch.lifetime.maximum_likelihood import fit_bg_nbd, fit_gamma_gamma
from batch.lifetime.purchase_history import PurchaseHistory
from cli.formats.cdnow import sample_path

END = pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def purchases():
    names = ["id", "sample_id", "date", "cds", "dollars"]
    table = pd.read_csv(sample_path(), sep=r"\s+", names=names, dtype={"id": str, "date": str})
    table["date"] = pd.to_datetime(table["date"], format="%Y%m%d")
    return table.groupby(["id", "date"], as_index=False)["dollars"].sum()


@pytest.fixture(scope="module")
def calibration(purchases):
    early = purchases[purchases["date"] <= END]
    first = early.groupby("id")["date"].transform("min")
    later = early[early["date"] > first].groupby("id")["dollars"]
    dates = early.groupby("id")["date"].agg(["min", "max", "size"])
    repeats = dates["size"].to_numpy(float) - 1
    return PurchaseHistory(
        repeats,
        ((dates["max"] - dates["min"]).dt.days / 7).to_numpy(),
        ((END - dates["min"]).dt.days / 7).to_numpy(),
        repeats,
        later.mean().reindex(dates.index).fillna(0.0).to_numpy(),
    )


def test_bg_nbd_has_the_published_parameters(calibration):
    model = fit_bg_nbd(calibration)
    assert len(calibration) == model.customers == 2_357
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=0.0006)
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.05)


def test_gamma_gamma_has_the_published_parameters(calibration):
    model = fit_gamma_gamma(calibration)
    assert model.customers == 946
    assert (model.p, model.q, model.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=0.02)


def test_the_holdout_forecast_is_an_eighth_below_what_was_bought(calibration, purchases):
    """1,653 forecast, 1,882 made: this is how well the model knows these customers, and it should stay known."""
    model = fit_bg_nbd(calibration)
    actual = int((purchases["date"] > END).sum())
    forecast = float(model.expected(calibration, 39.0).sum())
    assert (round(forecast), actual) == (1_653, 1_882)
    late = purchases[purchases["date"] > END].groupby("id").size()
    ids = sorted(purchases.loc[purchases["date"] <= END, "id"].unique())
    made = late.reindex(ids).fillna(0.0).to_numpy()
    by_customer = model.expected(calibration, 39.0)
    assert np.corrcoef(by_customer, made)[0, 1] > 0.6
