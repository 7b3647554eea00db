"""A fitted, named and profiled clustering that a baseline can be made of; building it changes nothing that is live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from batch.data.cleaning import Cleaned, Scale, clean
from batch.data.customer_metrics import customer_metrics
from batch.data.customer_table import CustomerTable
from batch.data.data_quality import QualityRow
from batch.data.lifetime_values import LifetimeSummary, LifetimeUnavailable, fit_lifetime
from batch.data.principal_components import PcaProjection, pca_projection
from batch.errors import TooFewCustomers
from batch.fit_options import FitOptions
from batch.identity.lloyd_iteration import nearest_labels
from batch.naming.names import name_segments
from batch.naming.segment_profile import SegmentProfile, segment_profiles
from batch.naming.surrogate_tree import fit_surrogate
from batch.selection.candidate_metrics import CandidateMetrics
from batch.selection.compare_and_fit import choose
from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, BaselineSegment
from stream.customers.features import feature_of

__all__ = ["Candidate", "build_candidate"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """What a re-baseline proposes; segment i is cluster i. Ids are assigned later, by `batch.identity`.

    Attributes:
        number: of the baseline that this becomes.
        created_at, seed: when and with which randomness it was fitted.
        attributes, features: declared profile attributes of the data; the features of the segments (d of them).
        scale: bounds, centre and divisor of each feature.
        centroids: (k, d), standardised; each the mean of its members, missing values left out.
        labels: (n,) the nearest centroid of each customer of the table, as the live model would say; -1 where all of a
            customer's features are missing.
        algorithm, k, silhouette, inertia: of the chosen clustering (`silhouette` on a sample, None where undefined).
        agreement: adjusted Rand index between the algorithm's own clusters and `labels`, 1 where they are the same.
        tried: the figures of every clustering that was compared.
        reason: why this one was chosen, as a sentence.
        quality: the data-quality report.
        segments: name, profile, play and rule of each cluster.
        fidelity: share of customers for whom the rules' decision tree says the same segment as the model.
        lifetime: lifetime value of the table's customers, or why there is none.
        picture: the customers in two dimensions.
    """

    number: int
    created_at: datetime
    seed: int
    attributes: tuple[str, ...]
    features: tuple[str, ...]
    scale: Scale
    centroids: Floats
    labels: Ints
    algorithm: str
    k: int
    silhouette: float | None
    inertia: float
    agreement: float
    tried: tuple[CandidateMetrics, ...]
    reason: str
    quality: tuple[QualityRow, ...]
    segments: tuple[SegmentProfile, ...]
    fidelity: float
    lifetime: LifetimeSummary | LifetimeUnavailable
    picture: PcaProjection

    def assign(self, table: CustomerTable) -> Ints:
        """Return the segment (n,) of the customers of a table, as the live model would say; -1 where all is missing."""
        return nearest_labels(self.scale.apply(table.matrix(self.features)), self.centroids, list(self.features))

    def baseline(
        self,
        segment_ids: Sequence[str],
        *,
        status: Literal["proposed", "approved"] = "proposed",
        names: Mapping[int, str] | None = None,
        customers: Sequence[int] | None = None,
    ) -> Baseline:
        """Return the baseline that workers follow.

        Args:
            segment_ids: the id of each cluster, in order.
            status: `approved` puts it live once published.
            names: names that a person has given, by cluster; the others keep theirs.
            customers: members of each cluster among all customers, where more than the table's were assigned.
        """
        return Baseline(
            baseline=self.number,
            status=status,
            created_at=self.created_at,
            algorithm=self.algorithm,
            features=list(self.features),
            attributes=list(self.attributes),
            lower=_bounds(self.scale.lower),
            upper=_bounds(self.scale.upper),
            power=list(self.scale.power) if any(each is not None for each in self.scale.power) else [],
            center=self.scale.center.tolist(),
            scale=self.scale.scale.tolist(),
            segments=self._segments(segment_ids, names or {}, customers),
            k=self.k,
            silhouette=self.silhouette,
            inertia=self.inertia,
            lifetime=self.lifetime.models.kept() if isinstance(self.lifetime, LifetimeSummary) else None,
            lifetime_reason=self.lifetime.reason if isinstance(self.lifetime, LifetimeUnavailable) else "",
        )

    def _segments(
        self, ids: Sequence[str], names: Mapping[int, str], customers: Sequence[int] | None
    ) -> list[BaselineSegment]:
        return [
            BaselineSegment(
                segment_id=segment_id,
                segment=names.get(place, segment.name),
                centroid=self.centroids[place].tolist(),
                profile={name: segment.means[name] for name in self.features if name in segment.means},
                customers=segment.customers if customers is None else customers[place],
            )
            for place, (segment_id, segment) in enumerate(zip(ids, self.segments, strict=True))
        ]


def build_candidate(table: CustomerTable, options: FitOptions, *, number: int, seed: int, now: datetime) -> Candidate:
    """Fit, choose, name and profile segments of the table's customers.

    The same table, options and seed give the same candidate. Raises NoCustomers, TooFewCustomers, FeatureUnknown,
    FeatureMissing, AlgorithmUnknown, NoCandidate: all say what to do, and nothing has happened.
    """
    with threadpool_limits(1):  # many small fits: threads cost more than they give, and the worker needs the cores
        return _built(table, options, number=number, seed=seed, now=now)


def _built(table: CustomerTable, options: FitOptions, *, number: int, seed: int, now: datetime) -> Candidate:
    features = list(options.features)
    cleaned = clean(table.matrix(features), features, table.ids, options)
    _check_enough(cleaned, options)
    choice = choose(cleaned, table.ids, options, features, seed)
    lifetime = fit_lifetime(table, seed)
    numbers = customer_metrics(table, lifetime)
    known = [feature_of(name, table.attributes) for name in features]
    surrogate = fit_surrogate(
        table.matrix(features),
        choice.labels,
        choice.chosen.k,
        [each.unit for each in known],
        [each.to_unit for each in known],
        seed,
    )
    names = name_segments(numbers, choice.labels, choice.centroids, features)
    return Candidate(
        number=number,
        created_at=now,
        seed=seed,
        attributes=table.attributes,
        features=tuple(features),
        scale=cleaned.scale,
        centroids=choice.centroids,
        labels=choice.labels,
        algorithm=choice.chosen.algorithm,
        k=choice.chosen.k,
        silhouette=choice.chosen.silhouette,
        inertia=choice.inertia,
        agreement=choice.chosen.agreement,
        tried=choice.tried,
        reason=choice.reason,
        quality=cleaned.rows,
        segments=segment_profiles(table, numbers, choice.labels, names, surrogate.rules, features),
        fidelity=surrogate.fidelity,
        lifetime=lifetime,
        picture=pca_projection(cleaned.standard, choice.labels, choice.centroids, seed),
    )


def _check_enough(cleaned: Cleaned, options: FitOptions) -> None:
    """Raise TooFewCustomers where there are not as many different customers as segments."""
    standard = cleaned.standard[~cleaned.isolated]
    needed, n = options.k or options.k_min, len(standard)
    if n < needed:
        raise TooFewCustomers(f"{n} customers cannot make {needed} segments; wait for more, or ask for fewer segments")
    different = len(np.unique(np.nan_to_num(standard), axis=0))
    if different < needed:
        raise TooFewCustomers(
            f"{n} customers, {different} of them different in these features, cannot make {needed} segments; choose "
            "other features, or ask for fewer segments"
        )


def _bounds(values: Floats) -> list[float | None]:
    """Return bounds as JSON can hold them: null for none."""
    found: list[Any] = values.tolist()
    return [each if np.isfinite(each) else None for each in found]
