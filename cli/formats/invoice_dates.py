"""Dates of invoices with day and month in either order: which one it is, where the dates tell."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from cli.formats.file_invalid import FileInvalid

__all__ = ["invoice_instants"]

_TIMES: Final = ("%H:%M", "%H:%M:%S", "%I:%M:%S %p", "%I:%M %p")


def invoice_instants(path: Path, texts: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return instants by the order of day and month that reads all texts.

    The public file has the month first and no leading zeros. Raises FileInvalid where dates of another form can be read
    in both orders, as different days.
    """
    plain = texts.astype("str").str.replace(r"[-.]", "/", n=2, regex=True)
    month_first, day_first = (
        next((read for each in _TIMES if (read := _parsed(plain, f"{order} {each}")).notna().all()), None)
        for order in ("%m/%d/%Y", "%d/%m/%Y")
    )
    if month_first is None:
        return _parsed(plain, f"%m/%d/%Y {_TIMES[0]}") if day_first is None else day_first
    public_form = not (plain.str.contains(r"(?:^|/)0\d/", regex=True) | (plain != texts)).any()
    if public_form or day_first is None or (month_first == day_first).all():
        return month_first
    place = int(np.flatnonzero(month_first != day_first)[0])
    told = [f"{read[place]:%-d %B %Y} ({order})" for read, order in ((day_first, "dmy"), (month_first, "mdy"))]
    raise FileInvalid(
        str(path),
        "",
        f"InvoiceDate: {texts[place]!r} may be {' or '.join(told)}; say which by "
        f"`shoal import orders {path} --preset online-retail-2 --date-format dmy`, or mdy",
    )


def _parsed(texts: "pd.Series[Any]", form: str) -> "pd.Series[Any]":
    return pd.to_datetime(texts, errors="coerce", utc=True, format=form)
