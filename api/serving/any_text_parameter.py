"""Path parameters that hold any text: a customer_id may have slashes and line breaks."""

from starlette.convertors import Convertor, register_url_convertor

__all__ = ["register_any_text"]


class _AnyText(Convertor[str]):
    """Like Starlette's `path`, whose pattern stops at a line break."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """Return the text of a request as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the text of an address as it is."""
        return value


def register_any_text() -> None:
    """Let routes name a parameter `{name:any_text}`; to be called before they are made."""
    register_url_convertor("any_text", _AnyText())
