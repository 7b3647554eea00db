"""The base of everything that a scenario file may say, and the two kinds of number that it is made of."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from events.arrays import Floats

__all__ = ["Name", "ScenarioPart", "Share", "Weights", "probabilities"]


class ScenarioPart(BaseModel):
    """Frozen, and strict about names: a field that is misspelt is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


def _some(weights: dict[str, float]) -> dict[str, float]:
    """Return the weights by name, so that a file gives the same shop in whatever order it names them."""
    if not sum(weights.values()) > 0:
        raise ValueError("at least one weight should be greater than 0")
    return dict(sorted(weights.items()))


Name = Annotated[str, Field(min_length=1, max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]
Weights = Annotated[dict[Name, Annotated[float, Field(ge=0, le=1e9)]], AfterValidator(_some)]


def probabilities(weights: Mapping[str, float]) -> Floats:
    """Return the probabilities that the weights stand for.

    >>> probabilities({"web": 3, "store": 1}).tolist()
    [0.75, 0.25]
    """
    values = np.array(list(weights.values()), np.float64)
    return np.asarray(values / values.sum())
