"""A latent group: how its customers buy, spend, visit, and who they are. Rates are per week."""

from typing import Annotated, Final

from pydantic import Field, model_validator

from simulation.scenario_base_model import Name, ScenarioPart, Share, Weights

__all__ = ["Buying", "Dropout", "Group", "Profile", "Returns", "Spend", "Visits"]

_Positive = Annotated[float, Field(gt=0, le=1e6)]
_CATEGORIES: Final = {"home": 4.0, "fashion": 3.0, "toys": 2.0, "garden": 1.0}
_COUNTRIES: Final = {"DE": 4.0, "FR": 2.0, "NL": 1.0, "GB": 2.0, "US": 1.0}
_SOURCES: Final = {"search": 4.0, "social": 2.0, "email": 1.0, "direct": 2.0, "affiliate": 1.0}
_GENDERS: Final = {"female": 5.0, "male": 5.0, "diverse": 0.2}


class Dropout(ScenarioPart):
    """After each repeat purchase a customer leaves with probability p; p differs between customers: Beta(a, b)."""

    a: _Positive
    b: _Positive


class Buying(ScenarioPart):
    """BG/NBD: a customer's rate is Gamma(r, alpha), purchases are Poisson, and each may be the last.

    Source: Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2). Without
    `dropout` nobody leaves (the NBD model). `rate_half_life_days` is ours: the rate halves as a customer ages.
    """

    r: _Positive
    alpha: _Positive = Field(description="weeks; the mean rate is r / alpha purchases a week")
    dropout: Dropout | None = None
    rate_half_life_days: Annotated[float, Field(ge=1, le=1e5)] | None = None


class Spend(ScenarioPart):
    """Gamma-Gamma: an order's amount is Gamma(p, nu); nu differs between customers: Gamma(q, gamma).

    Source: Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value. The mean over customers is
    p * gamma / (q - 1), which is why q has to exceed 1.
    """

    p: _Positive
    q: float = Field(gt=1, le=1e6)
    gamma: _Positive

    @property
    def mean(self) -> float:
        """The expected amount of an order.

        >>> Spend(p=6.25, q=3.74, gamma=15.44).mean.__round__(1)
        35.2
        """
        return self.p * self.gamma / (self.q - 1)


class Visits(ScenarioPart):
    """Sessions: one ends in each order on the web, others lead up to it, and some are mere browsing."""

    web_share: Share = Field(0.9, description="customers who use the website; the others buy in a store, unseen")
    per_order: Annotated[float, Field(ge=1, le=50)] = Field(2.0, description="mean sessions for an order, its own too")
    lead_hours: Annotated[float, Field(gt=0, le=24)] = Field(6.0, description="mean time from such a session to it")
    browsing_per_week: Annotated[float, Field(ge=0, le=1_000)] = Field(0.2, description="sessions that lead nowhere")
    pages: Annotated[float, Field(ge=1, le=1_000)] = Field(6.0, description="mean pages of a session")


class Returns(ScenarioPart):
    """Shares of orders that are taken back: cancelled within a day, or refunded within a month, in part or whole."""

    cancelled: Share = 0.01
    refunded: Share = 0.03

    @model_validator(mode="after")
    def _is_a_share(self) -> "Returns":
        if self.cancelled + self.refunded > 1:
            raise ValueError(f"cancelled and refunded should make at most 1, found {self.cancelled + self.refunded:g}")
        return self


class Profile(ScenarioPart):
    """What the CRM knows of a customer."""

    countries: Weights = _COUNTRIES
    sources: Weights = _SOURCES
    genders: Weights = _GENDERS
    age_mean: Annotated[float, Field(ge=18, le=90)] = 42.0
    age_sd: Annotated[float, Field(ge=0, le=30)] = 13.0
    income_median: Annotated[float, Field(gt=0, le=1e9)] = 34_000.0
    income_sigma: Annotated[float, Field(ge=0, le=2)] = Field(0.4, description="of the logarithm")
    marketing_consent: Share = 0.7


class Group(ScenarioPart):
    """A latent group: the truth that a segmentation may find."""

    name: Name
    share: _Positive = Field(description="its part of the customers, relative to the other groups'")
    buying: Buying
    spend: Spend
    visits: Visits = Visits()
    returns: Returns = Returns()
    profile: Profile = Profile()
    categories: Weights = _CATEGORIES
    from_day: Annotated[int, Field(ge=0, le=100_000)] = Field(0, description="day on which its first customers join")
    joins_over_days: Annotated[int, Field(ge=1, le=100_000)] = Field(28, description="days over which they join")
    joins_per_day: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="newcomers a day from then on, as a share of the group's first customers"
    )
