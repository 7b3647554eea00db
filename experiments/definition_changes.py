"""Which changes of a definition are allowed once customers have been exposed."""

from typing import Final, NamedTuple

from experiments.definition import Experiment

__all__ = ["Refusal", "check_change"]

_MIXES_ARMS: Final = "customers already assigned would differ from those assigned from now on"
_MIXES_OUTCOMES: Final = "outcomes already tallied were counted by the old rule"
_CHOOSES_AFTERWARDS: Final = "choosing it after having seen results would make chance findings look real"

_FROZEN: Final = {
    "variants": _MIXES_ARMS,
    "salt": _MIXES_ARMS,
    "holdout_share": _MIXES_ARMS,
    "holdout_salt": _MIXES_ARMS,
    "targeted_segments": _MIXES_ARMS,
    "start": _MIXES_OUTCOMES,
    "attribution": _MIXES_OUTCOMES,
    "conversion_window": _MIXES_OUTCOMES,
    "retention_days": _MIXES_OUTCOMES,
    "pre_period_days": _MIXES_OUTCOMES,
    "control": _CHOOSES_AFTERWARDS,
    "primary_metric": _CHOOSES_AFTERWARDS,
    "guardrails": _CHOOSES_AFTERWARDS,
    "guardrail_margin": _CHOOSES_AFTERWARDS,
    "guardrail_margins": _CHOOSES_AFTERWARDS,
    "minimum_customers": _CHOOSES_AFTERWARDS,
    "minimum_buyers": _CHOOSES_AFTERWARDS,
    "segments": _CHOOSES_AFTERWARDS,
    "alpha": _CHOOSES_AFTERWARDS,
    "power": _CHOOSES_AFTERWARDS,
    "minimum_effect": _CHOOSES_AFTERWARDS,
    "method": _CHOOSES_AFTERWARDS,
    "expected_customers": _CHOOSES_AFTERWARDS,
    "planned_customers": _CHOOSES_AFTERWARDS,
    "looks": _CHOOSES_AFTERWARDS,
    "spending": _CHOOSES_AFTERWARDS,
    "cuped": _CHOOSES_AFTERWARDS,
    "correction": _CHOOSES_AFTERWARDS,
}


class Refusal(NamedTuple):
    """A field that may not change, and why."""

    field: str
    reason: str


def check_change(old: Experiment, new: Experiment, *, running: bool) -> list[Refusal]:
    """Return what forbids the change; empty where it is allowed.

    `running` is true from the first counted exposure on, also after the end. Before it, all but the id may change.
    While running, the description may, `stopped_at` may be set once, and a sequential experiment's `stop` may move;
    the end of one with a planned horizon may not, because running on until it is significant is no test.
    """
    refusals = [Refusal("id", "another id is another experiment; create it")] if old.id != new.id else []
    if not running:
        return refusals
    changed = [name for name in Experiment.model_fields if getattr(old, name) != getattr(new, name)]
    refusals += [Refusal(name, _FROZEN[name]) for name in changed if name in _FROZEN]
    if "stop" in changed and old.method != "sequential":
        refusals.append(Refusal("stop", "a planned end that moves is no plan; set stopped_at to give the test up"))
    if "stopped_at" in changed and old.stopped_at is not None:
        refusals.append(Refusal("stopped_at", "the experiment has ended; a new one needs a new id"))
    return refusals
