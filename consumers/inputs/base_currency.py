"""How one shop's amounts are converted: the currency of the settings, or the one that Redis has agreed on."""

import redis

from consumers.inputs.currency_conversion import Money
from consumers.settings import ConsumerSettings
from state.store.format_settings import require_same_format, shop_currency

__all__ = ["shop_money"]


def shop_money(client: redis.Redis, settings: ConsumerSettings) -> Money:
    """Return the conversion to the shop's currency. Raises FormatMismatch where Redis has amounts in another one."""
    money = Money(settings.currency, settings.currency_rates, adopt=shop_currency(client))
    if money.currency:
        require_same_format(client, {"currency": money.currency})
    return money
