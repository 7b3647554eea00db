"""The parts of `python -m bench.quality`: what each measures, with fixed seeds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis

from bench.quality.data.late_regimes import AFFECTED_GROUPS, scenario_with_change_on
from bench.quality.data.order_logs import OrderLog, cdnow, online_retail, simulated
from bench.quality.drift_alarms import alarms
from bench.quality.flapping_delay import measure_flapping_delay
from bench.quality.known_groups import measure_known_groups
from bench.quality.needless_changes import measure_stationary
from bench.quality.real_log_against_refit import by_customer, by_event, halves, self_feeding, with_stages
from bench.quality.refit_gap_after_change import after_change
from bench.quality.rivals import measure_rivals
from bench.quality.small_group import measure_vips
from bench.quality.true_names import measure_names
from events.time_units import DAY_MS
from simulation.scenarios.named_scenarios import named_scenario

__all__ = ["PARTS", "Session"]

Figures = dict[str, Any]

_BASELINE_DAY: Final = 360
_STATIONARY_FROM_DAY: Final = 720
_STATIONARY: Final = ((1_000, 1), (4_000, 1), (4_000, 2), (4_000, 3), (10_000, 1))
_CHANGE_DAY: Final = 400
_WATCHED_CHANGE_DAY: Final = 420
_DAYS: Final = 580
_LONG: Final = 1_120
"""Days of a shop that changes, so that also those who buy rarely have bought three times since."""
_K: Final = 5
_DESIGN_K: Final = 4
"""Where the rule that was left is measured too."""


@dataclass
class Session:
    """Where the data are, a Redis, and where progress is told."""

    data: Path
    client: redis.Redis
    say: Callable[[str], None]

    def online_retail(self) -> Figures:
        """Run the service over the second half of Online Retail, k = 3 to 6."""
        return self._halves(online_retail(self.data), (3, 4, 5, 6))

    def cdnow(self) -> Figures:
        """Run the service over the second half of CDNOW, k = 3 and 4."""
        return self._halves(cdnow(self.data), (3, 4))

    def cdnow_more(self) -> Figures:
        """Run the service over the second half of CDNOW, k = 5 and 6."""
        return self._halves(cdnow(self.data), (5, 6))

    def stationary(self) -> Figures:
        """Run the service over stationary shops."""
        found: Figures = {}
        for customers, seed in _STATIONARY:
            log, _ = simulated(
                scenario_with_change_on("promotion", 10_000, _STATIONARY_FROM_DAY + 120),
                customers,
                seed,
                _STATIONARY_FROM_DAY + 120,
            )
            name = f"{customers:,} customers, seed {seed}"
            found[name] = measure_stationary(self.client, log, _at(log, _STATIONARY_FROM_DAY), _K)
            self.say(f"{name}: {found[name]}")
        return found

    def regimes(self) -> Figures:
        """Follow each regime change day by day."""
        found = {}
        for name in AFFECTED_GROUPS:
            log, groups = simulated(scenario_with_change_on(name, _CHANGE_DAY, _LONG), 2_000, 1, _LONG)
            of = [groups[each] for each in log.names]
            found[name] = after_change(
                log, of, AFFECTED_GROUPS[name], _at(log, _BASELINE_DAY), _at(log, _CHANGE_DAY), _K
            )
            self.say(f"{name}: {found[name]}")
        return found

    def drift(self) -> Figures:
        """Count the days until an alarm; five shops where nothing changes, and one of each change."""
        found: Figures = {}
        for seed in range(1, 6):
            log, _ = simulated(scenario_with_change_on("promotion", 10_000, 560), 2_000, seed, 560)
            found[f"nothing changes, seed {seed}"] = {"alarms": alarms(log, _at(log, _BASELINE_DAY), _K)}
        for name in AFFECTED_GROUPS:
            log, _ = simulated(scenario_with_change_on(name, _WATCHED_CHANGE_DAY, 560), 2_000, 1, 560)
            found[name] = {
                "turn": _WATCHED_CHANGE_DAY - _BASELINE_DAY,
                "alarms": alarms(log, _at(log, _BASELINE_DAY), _K),
            }
        return found

    def waits(self) -> Figures:
        """Measure flapping against delay."""
        found: Figures = {}
        log, _ = simulated(scenario_with_change_on("promotion", 10_000, 450), 1_500, 1, 450)
        found["stationary shop"] = {"choices": measure_flapping_delay(log, _at(log, _BASELINE_DAY), _K)}
        log = online_retail(self.data)
        found["Online Retail"] = {"choices": measure_flapping_delay(log, _middle(log), 4)}
        return found

    def rivals(self) -> Figures:
        """Compare with other online clusterers."""
        found: Figures = {}
        for name in ("promotion", "new-group"):
            log, groups = simulated(scenario_with_change_on(name, _CHANGE_DAY, _DAYS), 2_000, 1, _DAYS)
            found[f"simulated, {name}"] = measure_rivals(log, _at(log, _BASELINE_DAY), _K, groups)
        for name, real in (("Online Retail", online_retail(self.data)), ("CDNOW", cdnow(self.data))):
            found[name] = measure_rivals(real, _middle(real), 3)
        return found

    def vips(self) -> Figures:
        """Look for the VIPs after a million events."""
        return measure_vips()

    def names(self) -> Figures:
        """Watch for two years whether the names of the segments are true, on simulated shops and real logs."""
        found: Figures = {}
        for name in ("default", "stationary"):
            log, _ = simulated(named_scenario(name), 2_000, 1, _BASELINE_DAY + 730)
            found[f"simulated, {name}"] = measure_names(self.client, log, _at(log, _BASELINE_DAY))
            self.say(f"{name}: {found[f'simulated, {name}']}")
        for name, real in (("Online Retail", online_retail(self.data)), ("CDNOW", cdnow(self.data))):
            found[name] = measure_names(self.client, real, _middle(real))
            self.say(f"{name}: {found[name]}")
        return found

    def known_groups(self) -> Figures:
        """Compare segments with the true groups of three simulated shops."""
        return measure_known_groups()

    def _halves(self, log: OrderLog, ks: tuple[int, ...]) -> Figures:
        found = {}
        for k in ks:
            found[str(k)] = {"by customer": by_customer(self.client, log, k), **by_event(log, k)}
            found[str(k)]["with stages"] = with_stages(self.client, log, k)
            if k == _DESIGN_K:
                found[str(k)]["self-feeding"] = self_feeding(self.client, log, k)
            self.say(f"k = {k}: {found[str(k)]}")
        return found


def _at(log: OrderLog, day: int) -> int:
    return int(log.columns.times[0]) // DAY_MS * DAY_MS + day * DAY_MS


def _middle(log: OrderLog) -> int:
    return int(halves(log)[1].columns.times[0]) // DAY_MS * DAY_MS


PARTS: Final[Mapping[str, Callable[[Session], Figures]]] = {
    "online_retail": Session.online_retail,
    "cdnow": Session.cdnow,
    "cdnow_more": Session.cdnow_more,
    "stationary": Session.stationary,
    "regimes": Session.regimes,
    "drift": Session.drift,
    "waits": Session.waits,
    "rivals": Session.rivals,
    "vips": Session.vips,
    "known_groups": Session.known_groups,
    "names": Session.names,
}
