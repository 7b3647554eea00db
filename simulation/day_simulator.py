"""One day of the shop after another: who joins, buys, visits, converts and leaves."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Floats, Ints
from events.time_units import DAY_MS
from simulation import event_json
from simulation.behaviour.ab_test import draw_conversions, draw_exposures, is_running
from simulation.behaviour.baskets import draw_baskets
from simulation.behaviour.buying import draw_amounts, draw_purchases
from simulation.behaviour.returns import draw_returns
from simulation.behaviour.seasons import day_factor, times_of_day
from simulation.behaviour.visits import Sessions, draw_leads, draw_sessions
from simulation.customers.population import CUSTOMER_ROW, customer_ids, rate_decline
from simulation.customers.profiles import draw_profiles, draw_texts
from simulation.event_merging import TOPICS, TRUTH, EventMerger
from simulation.ground_truth import customer_lines, departure_lines
from simulation.newcomers import Newcomers
from simulation.scenarios.regimes import Effects, effects_on
from simulation.scenarios.scenario import Scenario

__all__ = ["DaySimulator"]

_DEVICES: Final = {"mobile": 6.0, "desktop": 3.5, "tablet": 0.5}
_CONCERNS: Final = ("people", "profiles", "buying", "spend", "baskets", "visits", "returns", "experiment", "leaving")


class _Orders(NamedTuple):
    """Orders of a day: the customer's place, when (ms), and whether it is the customer's first."""

    owner: Ints
    at: Ints
    first: Flags


class _Today(NamedTuple):
    """What is the same for everybody on a day: its number, its begin (ms), the season, the regimes."""

    day: int
    begin: int
    season: float
    effects: Effects


class DaySimulator:
    """The customers that are there, and the randomness of each concern; `draw` adds a day's events to the merger.

    Each concern has a generator of its own, so that what one draws does not depend on how many numbers another used.
    """

    def __init__(self, scenario: Scenario, customers: int, seed: int, start_ms: int, tag: str) -> None:
        self._scenario, self._groups, self._start_ms, self._tag = scenario, scenario.groups, start_ms, tag
        self._rng = {
            name: np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place,)))
            for place, name in enumerate(_CONCERNS)
        }
        self._newcomers = Newcomers(scenario, customers)
        self._people = np.empty(0, CUSTOMER_ROW)
        self._given: Counter[str] = Counter()
        self._categories = list(dict.fromkeys(name for group in self._groups for name in group.categories))
        self._labels = event_json.Labels(
            event_json.text(scenario.currency), [event_json.text(name) for name in self._categories]
        )
        self._shapes = np.array([group.spend.p for group in self._groups])
        self._variants = list(scenario.experiment.variants) if scenario.experiment else []
        self.merger = EventMerger()

    @property
    def people(self) -> int:
        """How many customers are there."""
        return len(self._people)

    def is_finished(self, day: int) -> bool:
        """Return whether nothing can happen from a day on: everybody has left and nobody is to come."""
        return not len(self._people) and self._newcomers.is_exhausted(day)

    def draw(self, day: int) -> None:
        """Draw what happens on a day, and what follows from it later."""
        begin = self._start_ms + day * DAY_MS
        noon = datetime.fromtimestamp((begin + DAY_MS // 2) / 1000, UTC).date()
        effects = effects_on(self._scenario.regimes, self._scenario.group_names, day)
        today = _Today(day, begin, day_factor(self._scenario.seasonality, noon), effects)
        fading, gone = rate_decline(self._groups, self._people, begin)
        fading = fading[self._leave_at_dawn(today, gone)]
        joined = self._join(today)
        fading = np.concatenate((fading, np.ones(joined)))
        orders, leaving = self._buy(today, fading)
        amounts = self._place(today, orders)
        self._return(orders, *amounts)
        sessions = self._visit(today, orders, fading)
        self._experiment(today, sessions)
        self._leave(leaving, orders)

    def _leave_at_dawn(self, today: _Today, gone: Flags) -> Flags:
        """Let those leave whom a regime drives away or whose rate has declined to nothing; return who stays."""
        chance = today.effects.leaves_per_day[self._people["group"]]
        driven = ~gone & (self._rng["leaving"].random(len(self._people)) < chance)
        for who, reason in ((gone, "declined"), (driven, "regime")):
            self._record_departures(self._people[who], np.full(np.count_nonzero(who), today.begin), reason)
        stays: Flags = ~(gone | driven)
        self._people = self._people[stays]
        self._people["since"] = 0.0
        return stays

    def _join(self, today: _Today) -> int:
        """Add the newcomers, publish their profiles; return how many they are."""
        new = self._newcomers.on(self._rng["people"], today.day, today.effects.joins)
        new["joined"] = times_of_day(self._scenario.seasonality, today.begin, new["since"])
        rng = self._rng["profiles"]
        new["signed_up"] = self._not_before_start(new["joined"] - rng.integers(31_000, 300_000, len(new)))
        names, ids = customer_ids(new["number"]), self._ids("c", len(new))
        self.merger.add(TRUTH, new["signed_up"], names, customer_lines(new, self._scenario))
        profiles = draw_profiles(rng, self._groups, new["group"])
        self._publish("customers", new["signed_up"], names, event_json.profiles(ids, names, new["signed_up"], profiles))
        self._people = np.concatenate((self._people, new))
        return len(new)

    def _buy(self, today: _Today, fading: Floats) -> tuple[_Orders, Ints]:
        """Draw the orders: the first ones of the newcomers, and repeat purchases; and who makes the last one."""
        people = self._people
        expected = people["rate"] * fading * today.season * today.effects.purchase_rate[people["group"]]
        experiment = self._scenario.experiment
        if experiment and is_running(experiment, today.day):
            times = experiment.multipliers(self._scenario.group_names)[people["group"], people["variant"]]
            expected = expected * np.where(people["exposed"], times, 1.0)
        repeat = draw_purchases(self._rng["buying"], expected, people["dropout"], people["since"])
        newcomers = np.flatnonzero(people["joined"] >= today.begin)
        repeated = times_of_day(self._scenario.seasonality, today.begin, repeat.share)
        orders = _Orders(
            np.concatenate((newcomers, repeat.owner)),
            np.concatenate((people["joined"][newcomers], repeated)),
            np.arange(len(newcomers) + len(repeated)) < len(newcomers),
        )
        return orders, repeat.leaving

    def _place(self, today: _Today, orders: _Orders) -> tuple[list[str], Ints]:
        """Publish the orders; return their ids and their amounts in cents."""
        people = self._people[orders.owner]
        group = people["group"]
        amounts = draw_amounts(self._rng["spend"], self._shapes[group], people["nu"], today.effects.spend[group])
        baskets = draw_baskets(self._rng["baskets"], self._groups, self._categories, group, amounts)
        ids, names = self._ids("o", len(people)), customer_ids(people["number"])
        values = event_json.orders(ids, names, orders.at, baskets, people["online"].tolist(), self._labels)
        self._publish("orders", orders.at, names, values)
        return ids, baskets.cents

    def _return(self, orders: _Orders, order_ids: list[str], cents: Ints) -> None:
        people = self._people[orders.owner]
        drawn = draw_returns(self._rng["returns"], self._groups, people["group"], orders.at, cents)
        names, ids = customer_ids(people["number"][drawn.order]), self._ids("r", len(drawn.order))
        of = [order_ids[place] for place in drawn.order.tolist()]
        values = event_json.returns(ids, names, drawn.at, of, drawn.cents, kinds=drawn.kinds, labels=self._labels)
        self._publish("orders", drawn.at, names, values)

    def _visit(self, today: _Today, orders: _Orders, fading: Floats) -> Sessions:
        """Publish the sessions: those with an order, those that led up to one, and browsing."""
        people, rng = self._people, self._rng["visits"]
        placed = np.flatnonzero(people["online"][orders.owner])
        later = placed[~orders.first[placed]]
        which, lead_end = draw_leads(rng, self._groups, people["group"][orders.owner[later]], orders.at[later])
        lead_owner = orders.owner[later][which]
        known = lead_end > people["joined"][lead_owner]
        browsing, browsed = self._browse(today, fading)
        ended = (orders.at[placed] - rng.integers(1_000, 30_000, len(placed)), lead_end[known], browsed)
        owner = np.concatenate((orders.owner[placed], lead_owner[known], browsing))
        pages = np.array([group.visits.pages for group in self._groups])[people["group"][owner]]
        sessions = draw_sessions(rng, pages, owner, np.concatenate(ended), np.arange(len(owner)) < len(placed))
        sessions = sessions._replace(
            started=self._not_before_start(sessions.started), ended=self._not_before_start(sessions.ended)
        )
        sources = draw_texts(rng, [group.profile.sources for group in self._groups], people["group"][owner])
        devices = draw_texts(rng, [_DEVICES], np.zeros(len(owner), np.int64))
        names, ids = customer_ids(people["number"][owner]), self._ids("s", len(owner))
        self._publish(
            "web-sessions", sessions.ended, names, event_json.sessions(ids, names, sessions, sources, devices)
        )
        return sessions

    def _browse(self, today: _Today, fading: Floats) -> tuple[Ints, Ints]:
        """Draw who visits without any order in mind, and when."""
        people, rng = self._people, self._rng["visits"]
        rate = np.array([group.visits.browsing_per_week for group in self._groups]) * today.effects.browsing / 7.0
        there = people["online"] & (people["joined"] < today.begin)
        counts = rng.poisson(rate[people["group"]] * today.season * fading * there)
        owner = np.repeat(np.arange(len(people)), counts)
        return owner, times_of_day(self._scenario.seasonality, today.begin, rng.random(len(owner)))

    def _experiment(self, today: _Today, sessions: Sessions) -> None:
        """Publish exposures, and the conversions that follow from first ones."""
        experiment, people, rng = self._scenario.experiment, self._people, self._rng["experiment"]
        if experiment is None or not experiment.from_day <= today.day <= experiment.until_day:
            return
        window = tuple(self._start_ms + day * DAY_MS for day in (experiment.from_day, experiment.until_day))
        exposures = draw_exposures(rng, sessions, (window[0], window[1]), people["signed_up"], people["exposed"])
        names, ids = customer_ids(people["number"][exposures.owner]), self._ids("x", len(exposures.owner))
        variants = [self._variants[place] for place in people["variant"][exposures.owner].tolist()]
        values = event_json.exposures(ids, names, exposures.at, experiment.experiment, variants)
        self._publish("exposures", exposures.at, names, values)
        owner, at = exposures.owner[exposures.first], exposures.at[exposures.first]
        people["exposed"][owner] = True
        rates = experiment.rates(self._scenario.group_names)[people["group"][owner], people["variant"][owner]]
        converts, when = draw_conversions(rng, experiment, rates, at)
        who = people[owner[converts]]
        worth = draw_amounts(rng, self._shapes[who["group"]], who["nu"], np.full(len(who), 100.0)).astype(np.int64)
        names, ids = customer_ids(who["number"]), self._ids("v", len(who))
        values = event_json.conversions(ids, names, when, experiment.experiment, worth, self._labels)
        self._publish("conversions", when, names, values)

    def _leave(self, leaving: Ints, orders: _Orders) -> None:
        """Let those leave who have made their last purchase."""
        last = np.zeros(len(self._people), np.int64)
        np.maximum.at(last, orders.owner, orders.at)
        self._record_departures(self._people[leaving], last[leaving], "dropout")
        self._people = np.delete(self._people, leaving)

    def _record_departures(self, people: npt.NDArray[np.void], at: Ints, reason: str) -> None:
        names = customer_ids(people["number"])
        self.merger.add(TRUTH, at, names, departure_lines(names, at, reason))

    def _publish(self, topic: str, at: Ints, names: Sequence[str], values: Sequence[bytes]) -> None:
        self.merger.add(TOPICS.index(topic), at, names, values)

    def _ids(self, kind: str, count: int) -> list[str]:
        """Return ids that no other event of this run has, nor one of another run."""
        before = self._given[kind]
        self._given[kind] += count
        return [f"{self._tag}-{kind}{number}" for number in range(before + 1, before + count + 1)]

    def _not_before_start(self, times: Ints) -> Ints:
        return np.maximum(times, self._start_ms)
