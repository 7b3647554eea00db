"""Text in figures: Plotly reads `<a href=…>`, `<b>` and others in any text as markup, so it is escaped."""

from html import escape
from typing import Any, Final

__all__ = ["escape_texts"]

_OURS: Final = frozenset({"hovertemplate", "texttemplate"})
"""Keys whose text is written in this package, with markup; the values that it inserts are escaped where they stand."""


def escape_texts(figure: Any) -> Any:
    """Return a figure in which no text is markup to Plotly, wherever in it a text stands.

    >>> escape_texts({"y": ["<b>NL</b>", 3], "hovertemplate": "%{y}<br>"})
    {'y': ['&lt;b&gt;NL&lt;/b&gt;', 3], 'hovertemplate': '%{y}<br>'}
    """
    if isinstance(figure, str):
        return escape(figure, quote=False)
    if isinstance(figure, dict):
        return {key: value if key in _OURS else escape_texts(value) for key, value in figure.items()}
    return [escape_texts(each) for each in figure] if isinstance(figure, list | tuple) else figure
