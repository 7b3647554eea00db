"""Whether a customer may be contacted now: suppression lists, consent, the age of the change, caps."""

import json
from typing import Any

import redis

from consumers.entries.entry_log import EntryLog
from events.time_units import HOUR_MS
from events.topics.partitioning import partition_of
from state.campaigns.contacts import ContactStore, FrequencyCap
from state.campaigns.deliveries import Delivery, DeliveryOutcome, DeliveryStore
from state.campaigns.suppressions import ALL, SuppressionStore, campaign_scope, segment_scope
from state.campaigns.triggers import Trigger
from state.customers.person_ids import PersonIdsReader
from state.store import keys
from stream.campaigns.erased_recipients import ErasedRecipients
from stream.campaigns.settings import TriggerSettings

__all__ = ["ContactPermission"]


class ContactPermission:
    """Checked before every attempt, so that the newest suppressions and consent count."""

    def __init__(
        self,
        client: redis.Redis,
        deliveries: DeliveryStore,
        settings: TriggerSettings,
        partitions: int,
        entries: EntryLog | None = None,
        erased: ErasedRecipients | None = None,
    ) -> None:
        """Check `entries` and `erased` too, in a service: a Redis that came back older knows of nobody who said no."""
        self._erased = erased
        self._redis: Any = client
        self._suppressions, self._deliveries = SuppressionStore(client), deliveries
        self._contacts = ContactStore(client, partitions)
        self._people = PersonIdsReader(client, partitions)
        self._settings, self._partitions, self._entries = settings, partitions, entries

    def is_erased(self, delivery: Delivery) -> bool:
        """Return whether a delivery names somebody who was erased: then it is not made, and nothing is noted of it."""
        erased = self._deliveries.erased_among if self._erased is None else self._erased.among
        return bool(erased([*delivery.customers, *self.person(delivery.customer_id)]))

    def refusal(self, trigger: Trigger, delivery: Delivery, now_ms: int) -> tuple[DeliveryOutcome, str] | None:
        """Return the outcome and reason of a delivery that must not be made now, None where it may.

        What holds for any id of a person holds for the person. Raises EntriesBehind where Redis has lost what people
        entered: then nobody knows.
        """
        age_ms = now_ms - delivery.changed_ms
        if age_ms > self._settings.trigger_max_age_h * HOUR_MS:
            return "expired", f"the change is {age_ms / HOUR_MS:.1f} hours old"
        person = self._people.one(delivery.customer_id)
        scopes = [ALL, campaign_scope(trigger.trigger)]
        scopes += [] if delivery.segment_id is None else [segment_scope(delivery.segment_id)]
        for scope in scopes:
            if self._suppressions.are_any_suppressed([person.all], [scope])[0]:
                return "suppressed", f"the customer is suppressed ({scope})"
        if self._entries is not None:
            self._entries.require_current()
        consent = self._consent(person.customer_id)
        needed = trigger.needs_consent or self._settings.consent == "required"
        if consent is False or (needed and consent is not True):
            return "no-consent", "consent.marketing is " + ("false" if consent is False else "not given")
        caps = self._caps(trigger)
        if not self._contacts.reserve(delivery.trigger, delivery.id, delivery.customers, person.all, now_ms, caps):
            return "capped", "the customer has been contacted as often as the cap allows"
        return None

    def person(self, customer_id: str) -> list[str]:
        """Return all ids of the person that a customer is, first the one that it goes on under."""
        return self._people.one(customer_id).all

    def _caps(self, trigger: Trigger) -> list[FrequencyCap]:
        caps = [
            FrequencyCap(self._settings.trigger_cap, self._settings.trigger_cap_days, trigger=""),
            FrequencyCap(trigger.cap, trigger.cap_days, trigger.trigger),
        ]
        return [cap for cap in caps if cap.number]

    def _consent(self, customer_id: str) -> bool | None:
        """Return the marketing consent that the customer's profile tells, None where it tells none."""
        partition = partition_of(customer_id, self._partitions)
        profile = self._redis.hget(keys.profiles(partition), customer_id)
        consent = json.loads(profile).get("consent") if profile else None
        return consent.get("marketing") if isinstance(consent, dict) else None
