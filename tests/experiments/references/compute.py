"""Runs gbstats and spotify-confidence on the cases given on stdin as JSON; prints their answers as JSON.

A program of its own, because it needs another pandas than Shoal (requirements.txt beside this file).
"""

import json
import sys
import warnings
from unittest.mock import MagicMock

# Only for drawing and notebooks, and imported where the package is.
for name in ("IPython", "IPython.display", "bokeh", "bokeh.models", "chartify", "ipywidgets", "nbformat"):
    sys.modules[name] = MagicMock()
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import spotify_confidence as spotify  # noqa: E402
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig  # noqa: E402
from gbstats.frequentist.tests import (  # noqa: E402
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (  # noqa: E402
    ProportionStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from gbstats.utils import check_srm  # noqa: E402
from spotify_confidence.analysis.frequentist.sequential_bound_solver import bounds  # noqa: E402


def mean_of(arm, total="revenue", squares="revenue_squares"):
    return SampleMeanStatistic(n=arm["exposed"], sum=arm[total], sum_squares=arm[squares])


def statistic(metric, arm):
    if metric == "conversion_rate":
        return ProportionStatistic(n=arm["exposed"], sum=arm["converted"])
    if metric == "revenue_per_customer":
        return mean_of(arm)
    if metric == "average_order_value":
        orders = mean_of(arm, "orders", "order_squares")
        return RatioStatistic(
            n=arm["exposed"], m_statistic=mean_of(arm), d_statistic=orders, m_d_sum_of_products=arm["revenue_orders"]
        )
    before = mean_of(arm, "pre_revenue", "pre_squares")
    return RegressionAdjustedStatistic(
        n=arm["exposed"],
        post_statistic=mean_of(arm),
        pre_statistic=before,
        post_pre_sum_of_products=arm["pre_cross"],
        theta=0.0,
    )


def gbstats_of(metric, control, treatment):
    def result(test, config, **fields):
        found = test(statistic(metric, control), statistic(metric, treatment), config(**fields)).compute_result()
        return {
            "effect": found.expected,
            "ci": list(found.ci),
            "p_value": getattr(found, "p_value", None),
            "all": found,
        }

    bayes = result(EffectBayesianABTest, EffectBayesianConfig, difference_type="absolute")["all"]
    answers = {
        "fixed": result(TwoSidedTTest, FrequentistConfig, difference_type="absolute"),
        "sequential": result(
            SequentialTwoSidedTTest, SequentialConfig, difference_type="absolute", sequential_tuning_parameter=8000
        ),
        "lift": result(TwoSidedTTest, FrequentistConfig, difference_type="relative"),
        "bayes": {"probability_best": bayes.chance_to_win, "loss": [float(each) for each in bayes.risk]},
    }
    return {key: {k: v for k, v in each.items() if k != "all"} for key, each in answers.items()}


def spotify_of(control, treatment):
    arms = pd.DataFrame([{"arm": "control", **control}, {"arm": "treatment", **treatment}])
    common = {"categorical_group_columns": "arm"}

    def row(test):
        found = test.difference("control", "treatment").iloc[0]
        return {
            "effect": found["difference"],
            "ci": [found["ci_lower"], found["ci_upper"]],
            "p_value": found["p-value"],
        }

    before = ("pre_revenue", "pre_squares", "pre_cross")
    return {
        "chi_squared": row(spotify.ChiSquared(arms, "converted", "exposed", **common)),
        "welch": row(spotify.StudentsTTest(arms, "revenue", "revenue_squares", "exposed", **common)),
        "linear_regression": row(spotify.ZTestLinreg(arms, "revenue", "revenue_squares", "exposed", *before, **common)),
    }


def holm_of(control, treatments):
    rows = [{"arm": "control", **control}, *({"arm": f"t{place}", **arm} for place, arm in enumerate(treatments))]
    test = spotify.ChiSquared(
        pd.DataFrame(rows), "converted", "exposed", categorical_group_columns="arm", correction_method="holm"
    )
    found = test.multiple_difference("control", level_as_reference=True)
    return found[["p-value", "adjusted p-value"]].to_numpy().tolist()


def bounds_of(information, alpha, power):
    return bounds(np.array(information), alpha=alpha, rho=power, ztrun=8, sides=2).bounds.tolist()


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    answers = {
        "arms": [
            {
                "gbstats": {
                    metric: gbstats_of(metric, case["control"], case["treatment"]) for metric in case["metrics"]
                },
                "spotify": spotify_of(case["control"], case["treatment"]),
                "srm": float(check_srm([case["control"]["exposed"], case["treatment"]["exposed"]], [1, 1])),
            }
            for case in cases["arms"]
        ],
        "holm": holm_of(**cases["holm"]),
        "bounds": bounds_of(**cases["bounds"]),
    }
    json.dump(answers, sys.stdout)
