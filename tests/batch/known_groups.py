"""A simulated shop whose groups can be told apart by how often and how much they buy, as a table with the truth."""

from functools import cache

from bench.quality.known_groups import shop_of
from simulation.customers.groups import Buying, Dropout, Group, Spend
from simulation.scenarios.scenario import Scenario

FEATURES = ("orders", "average_order_value")


@cache
def shop_table(customers=800, seed=1, days=300):
    """The table of a shop of four groups, and the true group of each of its customers. Nobody leaves."""
    return shop_of(_scenario(), customers, seed, days)


@cache
def leaving_shop_table(customers=800, seed=1, days=300):
    """The table of such a shop whose customers may leave after each order, with probabilities around 5%."""
    return shop_of(_scenario(Dropout(a=1, b=19)), customers, seed, days)[0]


def _scenario(dropout=None):
    made = (("regular", 1, 30, 1_170), ("everyday", 2, 60, 58.5), ("treat", 1, 300, 585), ("rare", 2, 400, 58.5))
    groups = [
        Group(
            name=name,
            share=share,
            buying=Buying(r=60, alpha=alpha, dropout=dropout),
            spend=Spend(p=10, q=40, gamma=gamma),
            joins_over_days=20,
        )
        for name, share, alpha, gamma in made
    ]
    return Scenario(name="known-groups", groups=groups)
