"""Options that several commands share, or that are many, as one argument of a command."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["expand_option_groups"]


def expand_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command in which each argument that is a dataclass stands for its fields, an option each.

    A field is declared as an option of a command is: `Annotated[TYPE, typer.Option(...)] = DEFAULT`.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, type[Any]] = {
        name: each.annotation
        for name, each in signature.parameters.items()
        if isinstance(each.annotation, type) and is_dataclass(each.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += inspect.signature(groups[name]).parameters.values() if name in groups else [parameter]
    # By keyword only, as they are passed: so an option without a default may follow one with a default.
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]

    @functools.wraps(command)
    def call(**values: Any) -> None:
        arguments = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**values, **arguments)

    vars(call)["__signature__"] = signature.replace(parameters=parameters)
    return call
