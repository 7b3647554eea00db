"""A fitted, named and profiled clustering that a baseline can be made of; building it changes nothing that is live.

The stages of the lifecycle come first: the clustering is of the customers in none of them. Segment i is cluster i for
the k learned segments; the stages follow, in their order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from batch.data.cleaning import Cleaned, Scale, clean
from batch.data.customer_metrics import customer_metrics, unit_names
from batch.data.customer_table import CustomerTable
from batch.data.data_quality import QualityRow
from batch.data.lifecycle_stages import check_rest, stage_means, stages_of_table, with_stages
from batch.data.lifetime_values import LifetimeSummary, LifetimeUnavailable, fit_lifetime
from batch.data.principal_components import PcaProjection, pca_projection
from batch.errors import TooFewCustomers
from batch.fit_options import FitOptions
from batch.identity.lloyd_iteration import nearest_labels
from batch.naming.names import BUYING, learned_claims, stage_claims
from batch.naming.segment_profile import SegmentProfile, segment_profiles
from batch.naming.surrogate_tree import SegmentRule, Surrogate, fit_surrogate
from batch.selection.candidate_metrics import CandidateMetrics
from batch.selection.compare_and_fit import Choice, choose
from events.arrays import Floats, Ints
from events.schema.outputs import Baseline, BaselineSegment, Lifecycle, NameClaim, Stage
from stream.customers.features import feature_of
from stream.customers.lifecycle import STAGES, stage_words

__all__ = ["Candidate", "build_candidate"]

_PROFILED: Final = ("recency", "frequency", "monetary")
"""What every segment's profile has beside the features, where it is known how customers buy."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """What a re-baseline proposes. Ids are assigned later, by `batch.identity`.

    Attributes:
        number: of the baseline that this becomes.
        created_at, seed: when and with which randomness it was fitted.
        attributes, features: declared profile attributes of the data; the features of the segments (d of them).
        scale: bounds, centre and divisor of each feature.
        lifecycle: the rules of the stages, None where there are learned segments only.
        centroids: (segments, d), standardised; each the mean of its members, missing values left out.
        labels: (n,) the segment of each customer of the table, as the live model would say; -1 where all of a
            customer's features are missing.
        algorithm, k, silhouette, inertia: of the chosen clustering (`silhouette` on a sample, None where undefined).
        agreement: adjusted Rand index between the algorithm's own clusters and `labels`, 1 where they are the same.
        tried: the figures of every clustering that was compared.
        reason: why this one was chosen, as a sentence.
        quality: the data-quality report.
        segments: name, profile, play and rule of each segment.
        claims: the names that each segment may carry, the best first.
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
    lifecycle: Lifecycle | None
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
    claims: tuple[tuple[NameClaim, ...], ...]
    fidelity: float
    lifetime: LifetimeSummary | LifetimeUnavailable
    picture: PcaProjection

    def assign(self, table: CustomerTable) -> Ints:
        """Return the segment (n,) of the customers of a table, as the live model would say; -1 where all is missing."""
        standard, features = self.scale.apply(table.matrix(self.features)), list(self.features)
        return with_stages(
            nearest_labels(standard, self.centroids[: self.k], features), stages_of_table(table, self.lifecycle), self.k
        )

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
            segment_ids: the id of each segment, in order.
            status: `approved` puts it live once published.
            names: names that a person has given, by segment; the others keep theirs.
            customers: members of each segment among all customers, where more than the table's were assigned.
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
            lifecycle=self.lifecycle,
            lifetime=self.lifetime.models.kept() if isinstance(self.lifetime, LifetimeSummary) else None,
            lifetime_reason=self.lifetime.reason if isinstance(self.lifetime, LifetimeUnavailable) else "",
        )

    def _segments(
        self, ids: Sequence[str], names: Mapping[int, str], customers: Sequence[int] | None
    ) -> list[BaselineSegment]:
        shown = dict.fromkeys((*self.features, *(_PROFILED if self.lifecycle else ())))
        return [
            BaselineSegment(
                segment_id=segment_id,
                segment=names.get(place, segment.name),
                centroid=self.centroids[place].tolist(),
                profile={name: segment.means[name] for name in shown if name in segment.means},
                customers=segment.customers if customers is None else customers[place],
                stage=STAGES[place - self.k] if place >= self.k else None,
                claims=list(self.claims[place]),
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
    rule = options.lifecycle if BUYING & set(features) and (table.rows["placed"] > 0).any() else None
    stages = stages_of_table(table, rule)
    learned = np.flatnonzero(stages < 0)
    check_rest(table, stages, rule, options)
    cleaned, choice = _choose(table, learned, options, seed)
    k, inside = choice.chosen.k, np.full(len(table), -1, np.int64)
    inside[learned] = choice.labels
    labels, centroids = with_stages(inside, stages, k), choice.centroids
    if rule is not None:
        centroids = np.concatenate([centroids, stage_means(cleaned.scale.apply(table.matrix(features)), stages)])
    lifetime = fit_lifetime(table, seed)
    numbers = customer_metrics(table, lifetime)
    surrogate = _surrogate(table, features, inside, k, seed)
    claims = _claims(numbers.iloc[learned], choice, features, unit_names(table.attributes), rule)
    return Candidate(
        number=number,
        created_at=now,
        seed=seed,
        attributes=table.attributes,
        features=tuple(features),
        scale=cleaned.scale,
        lifecycle=rule,
        centroids=centroids,
        labels=labels,
        algorithm=choice.chosen.algorithm,
        k=k,
        silhouette=choice.chosen.silhouette,
        inertia=choice.inertia,
        agreement=choice.chosen.agreement,
        tried=choice.tried,
        reason=choice.reason,
        quality=cleaned.rows,
        segments=_profiles(table, numbers, labels, claims, surrogate, features, rule),
        claims=tuple(map(tuple, claims)),
        fidelity=surrogate.fidelity,
        lifetime=lifetime,
        picture=pca_projection(cleaned.standard, choice.labels, choice.centroids, seed),
    )


def _claims(
    numbers: pd.DataFrame, choice: Choice, features: list[str], units: dict[str, str], rule: Lifecycle | None
) -> list[list[NameClaim]]:
    """Return the claims of each segment's names: of the learned ones, then of the stages of life."""
    ruled = rule is not None
    learned = learned_claims(numbers, choice.labels, choice.centroids, features, units, ruled=ruled)
    return [*learned, *([] if rule is None else stage_claims(rule))]


def _surrogate(table: CustomerTable, features: list[str], labels: Ints, k: int, seed: int) -> Surrogate:
    known = [feature_of(name, table.attributes) for name in features]
    units, to_units = [each.unit for each in known], [each.to_unit for each in known]
    return fit_surrogate(table.matrix(features), labels, k, units, to_units, seed)


def _profiles(
    table: CustomerTable,
    numbers: pd.DataFrame,
    labels: Ints,
    claims: Sequence[Sequence[NameClaim]],
    surrogate: Surrogate,
    features: list[str],
    rule: Lifecycle | None,
) -> tuple[SegmentProfile, ...]:
    """Describe the learned segments and, after them, the stages of life."""
    rules = list(surrogate.rules)
    stages: list[Stage | None] = [None] * len(rules)
    if rule is not None:
        rules += [SegmentRule(stage_words(stage, rule), 1.0, 1.0) for stage in STAGES]
        stages += STAGES
    names = [chain[0].name for chain in claims]
    return segment_profiles(table, numbers, labels, names, rules, features, stages)


def _choose(table: CustomerTable, learned: Ints, options: FitOptions, seed: int) -> tuple[Cleaned, Choice]:
    """Cluster the customers at these rows. Raises TooFewCustomers, NoCandidate."""
    features, ids = list(options.features), table.ids[learned]
    cleaned = clean(table.matrix(features)[learned], features, ids, options)
    _check_enough(cleaned, options)
    return cleaned, choose(cleaned, ids, options, features, seed)


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
