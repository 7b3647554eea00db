"""`shoal import orders` as a person uses it: trying, answering, mending, keeping the answers."""

import json

import pytest
from typer.testing import CliRunner

from cli.feeding.customer_table_from_files import read_customers
from cli.feeding.log_replay import read_orders
from cli.feeding.shop_export_events import ExportUnclear
from cli.main import app

EXPORT = (
    "Bestellnr;Kundennr;Datum;Betrag;Status\r\n1;17;05.01.2026 14:59;1.037,12;bezahlt\r\n"
    "2;18;06.01.2026 00:10;27,00;offen\r\n3;;07.01.2026 10:00;5,00;bezahlt\r\n4;18;08.01.2026 10:00;12,5;bezahlt\r\n"
)
ANSWERS = ["--date-format", "dmy", "--zone", "Europe/Berlin", "--currency", "EUR", "--status", "offen=no_sale"]


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "bestellungen.csv"
    path.write_bytes(EXPORT.encode("cp1252"))
    return path


def shoal(*arguments):
    return CliRunner().invoke(app, ["import", "orders", *map(str, arguments)])


def test_what_the_file_does_not_say_is_asked_with_exit_code_2(export):
    result = shoal(export)
    assert result.exit_code == 2
    assert "4 things that the file does not say; nothing was published" in result.stderr
    for option in ("--date-format dmy", "--zone Europe/Berlin", "--currency EUR", "--status offen=no_sale"):
        assert option in result.stderr
    asked = json.loads(shoal(export, "--dry-run", "--json").stdout)
    assert len(asked["questions"]) == 4
    assert asked["guess"][0]["columns"]["amount"] == "Betrag"


def test_a_dry_run_shows_the_guess_three_events_and_what_is_refused(export, tmp_path):
    rejects = tmp_path / "refused.csv"
    result = shoal(export, *ANSWERS, "--dry-run", "--rejects", rejects)
    assert result.exit_code == 0, result.stderr
    assert '"order_id":"1","amount":"1037.12","currency":"EUR"' in result.stdout
    assert "4 rows: 2 placed" in result.stdout
    assert "not counted as sales, by their status: 1 offen" in result.stdout
    assert f"{export} row 4, column Kundennr: a row needs a customer" in result.stdout
    assert rejects.read_text().splitlines()[1].endswith('3,,07.01.2026 10:00,"5,00",bezahlt')
    again = shoal(export, *ANSWERS, "--dry-run", "--rejects", rejects)
    assert again.exit_code == 1
    assert "is there already" in str(again.exception)


def test_a_dry_run_as_json(export):
    told = json.loads(shoal(export, *ANSWERS, "--dry-run", "--json").stdout)
    assert (told["events"], told["rows"], told["rows_refused"], told["no_sales"]) == ({"placed": 2}, 4, 1, {"offen": 1})
    assert [event["amount"] for event in told["examples"]] == ["1037.12", "12.5"]
    assert told["guess"][0]["dates"] == ["dmy"]


def test_a_written_mapping_holds_all_answers(export, tmp_path):
    mapping = tmp_path / "shop.yaml"
    assert shoal(export, *ANSWERS, "--dry-run", "--write-mapping", mapping).exit_code == 0
    first = json.loads(shoal(export, *ANSWERS, "--dry-run", "--json").stdout)
    second = json.loads(shoal(export, "--mapping", mapping, "--dry-run", "--json").stdout)
    assert first["examples"] == second["examples"]
    assert shoal(export, "--mapping", mapping, "--dry-run", "--write-mapping", mapping).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--map", "amount"], "should be FIELD=COLUMN, found 'amount'"),
        (["--map", "amount=Summe"], "has no column 'Summe' for amount; it has Bestellnr, Kundennr"),
        (["--map", "total=Betrag"], "'total' is no field of orders; the fields are"),
        (["--preset", "shopware"], "there is no preset 'shopware'; there are ga4"),
        (["--zone", "Berlin"], "should be such as Europe/Berlin, UTC or +01:00, found 'Berlin'"),
        (["--date-format", "day/month"], "should be dmy, mdy, ymd or such as"),
        (["--status", "offen=open"], "found 'open'"),
        (["--currency", "euro"], "found 'EURO'"),
        (["--sql", "sqlite://"], "name files, or --sql together with --query"),
        (["--encoding", "latin-17"], "there is no encoding 'latin-17'"),
    ],
)
def test_a_wrong_option_says_what_it_should_be(arguments, said, export):
    result = shoal(export, *arguments)
    assert result.exit_code in (1, 2)
    told = " ".join(f"{result.stderr} {result.exception}".replace("│", " ").split())
    assert " ".join(said.split()) in told


def test_the_demo_and_rebaseline_read_the_same_export_by_its_mapping(export, tmp_path):
    with pytest.raises(ExportUnclear, match="--write-mapping shop"):
        read_orders(export)
    mapping = tmp_path / "shop.yaml"
    shoal(export, *ANSWERS, "--dry-run", "--write-mapping", mapping)
    assert [(order.order_id, order.customer_id) for order in read_orders(export, mapping)] == [("1", "17"), ("4", "18")]
    table = read_customers([export], 1e9, [], mapping)
    assert table.ids.tolist() == ["17", "18"]
