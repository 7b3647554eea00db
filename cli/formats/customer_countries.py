"""Where the customers of a purchase log live: the country of the latest purchase that names one."""

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cli.formats.country_spellings import usual_country
from events.arrays import Ints

__all__ = ["Residence", "latest_residences"]


class Residence(NamedTuple):
    """A customer's country, and the purchase that says so."""

    customer_id: str
    country: str
    at: datetime
    purchase: str


def latest_residences(
    customers: npt.NDArray[np.object_],
    countries: npt.NDArray[np.object_],
    seconds: Ints,
    purchases: npt.NDArray[np.object_],
) -> list[Residence]:
    """Return one residence for each customer who has one, sorted by time; of two at one time, the later row counts.

    Args:
        customers: (n,) whose row it is.
        countries: (n,) as the file says them; "" where it says nothing.
        seconds: (n,) since 1970 UTC.
        purchases: (n,) the name of the purchase.
    """
    codes, distinct = pd.factorize(countries)
    names = np.array([usual_country(declared) if declared else None for declared in distinct], np.object_)
    known = np.array([name is not None for name in names], np.bool_)
    rows = np.flatnonzero(known[codes]) if len(codes) else np.empty(0, np.int64)
    rows = rows[np.argsort(seconds[rows], kind="stable")]
    latest = rows[~pd.Series(customers[rows]).duplicated(keep="last").to_numpy(np.bool_)]
    return [
        Residence(customers[row], names[codes[row]], datetime.fromtimestamp(int(seconds[row]), UTC), purchases[row])
        for row in latest.tolist()
    ]
