from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from cli.printing.options_as_dataclass import expand_option_groups


@dataclass(frozen=True)
class Paper:
    size: Annotated[str, typer.Option(help="Such as A4.")] = "A4"
    sheets: Annotated[int, typer.Argument()] = 1


@dataclass(frozen=True)
class Ink:
    colour: Annotated[str, typer.Option()] = "black"


app = typer.Typer()


@app.command()
@expand_option_groups
def print_(title: str, paper: Paper, draft: Annotated[bool, typer.Option("--draft")] = False, *, ink: Ink) -> None:
    """Print something."""
    typer.echo(f"{title} {paper} {draft} {ink}")


def test_the_fields_of_groups_are_options_in_the_order_of_the_arguments():
    page = CliRunner().invoke(app, ["--help"]).output
    places = [page.index(word) for word in ("Print something.", "Such as A4.", "--draft", "--colour")]
    assert places == sorted(places)


def test_a_command_gets_its_groups_with_what_was_given_and_the_defaults():
    done = CliRunner().invoke(app, ["report", "3", "--colour", "red"])
    assert done.output.strip() == "report Paper(size='A4', sheets=3) False Ink(colour='red')"
