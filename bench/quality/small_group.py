"""A small distant group among a million events: is it still a segment of its own at the end, whatever the seed?"""

from typing import Any, Final

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from batch.clustering.clustering_result import cluster_means
from batch.clustering.kmeans import k_means
from events.arrays import Flags, Floats, Ints
from stream.model.kmeans import OnlineKMeans

__all__ = ["measure_vips", "survives"]

Figures = dict[str, Any]

_SHARE: Final = 0.004
_GROUPS: Final = np.array([[-1.0, 0.8, 0.6], [-0.6, 0.0, 0.0], [0.4, -0.4, -0.3], [1.2, -1.0, -1.0]])
_VIP: Final = np.array([-1.3, 3.5, 4.5])
_NOISE: Final = 0.45
_K: Final = 5


def _customers(n: int, random: np.random.Generator) -> tuple[Floats, Flags]:
    """Return where customers (n, 3) are at home in standardised RFM, and which are VIPs."""
    vip = np.zeros(n, np.bool_)
    vip[: round(n * _SHARE)] = True
    homes = _GROUPS[random.integers(0, len(_GROUPS), n)]
    homes[vip] = _VIP
    return homes + random.normal(0.0, 0.2, homes.shape), vip


def survives(labels: Ints, vip: Flags) -> bool:
    """Return whether one cluster holds at least 95% of the VIPs, and is theirs by at least 95%."""
    cluster = int(np.bincount(labels[vip]).argmax())
    inside = labels == cluster
    return bool(inside[vip].mean() >= 0.95 and vip[inside].mean() >= 0.95)


def measure_vips(seeds: int = 30, events: int = 1_000_000, customers: int = 10_000, batch: int = 5_000) -> Figures:
    """Feed events of noisy vectors to the live model and to MiniBatchKMeans, from the fit that makes baselines.

    Each event shows one customer, drawn evenly, at its home plus noise. VIPs are 0.4% of the customers and the events.
    MiniBatchKMeans begins with the same centroids, and another one as it is usually begun, with random customers.
    """
    found, ours, warm, cold = 0, 0, 0, 0
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        homes, vip = _customers(customers, random)
        vectors = _grid(homes + random.normal(0.0, _NOISE, homes.shape))
        fitted = k_means(vectors, _K, seed)
        start = cluster_means(vectors, fitted.labels, _K)
        model = OnlineKMeans(start, ["recency", "frequency", "monetary"])
        rivals = [
            MiniBatchKMeans(_K, init=init, n_init=1, batch_size=batch, random_state=seed) for init in (start, "random")
        ]
        rivals[0].partial_fit(vectors)
        labels = model.learn_many(vectors)
        for _ in range(events // batch):
            who = random.choice(customers, batch, replace=False)
            fresh = _grid(homes[who] + random.normal(0.0, _NOISE, (batch, 3)))
            model.revert_many(vectors[who], labels[who])
            vectors[who], labels[who] = fresh, model.learn_many(fresh)
            model.recenter()
            for rival in rivals:
                rival.partial_fit(fresh)
        found += survives(fitted.labels, vip)
        ours += survives(model.predict_many(homes), vip)
        warm += survives(rivals[0].predict(homes).astype(np.int64), vip)
        cold += survives(rivals[1].predict(homes).astype(np.int64), vip)
    return {
        "seeds": seeds,
        "events": events,
        "vips": round(customers * _SHARE),
        "baseline": found,
        "shoal": ours,
        "mini_batch_warm": warm,
        "mini_batch": cold,
    }


def _grid(vectors: Floats) -> Floats:
    """Return vectors on the grid of the service, on which sums are exact."""
    return np.asarray(np.rint(vectors * 2.0**20) / 2.0**20)
