"""A mapping is read strictly, and an error names the key."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from ingestion.mapping import load_mapping, parse_mapping
from ingestion.reference import mapping_schema
from warehouse.errors import SourceError
from warehouse.settings import PROJECT

HEAD = "version: 1\nsource: shop\nfiles: {f: {path: f.csv}}\ntables:\n"


def _parse(text: str) -> None:
    parse_mapping(text.encode(), "shop.yml")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("- a", "not a mapping of keys"),
        ("version: 1\nversion: 1", "line 2: .*'version' stands twice"),
        ("version: &v 1\nsource: *v", "aliases"),
        ("version: [", "not valid YAML"),
        ("? [a]\n: 1", "must be plain text"),
        ("version: 2\nsource: a\ntables: []", "version: this release reads version 1"),
        ("version: 1\nsource: a\ntabels: []", "tabels: the key is not known; nearest is 'tables'"),
        ("version: 1\nsource: ../up\ntables: [{table: sales, from: f}]", "source: .*'../up'"),
        ("version: 1\nsource: Shop\ntables: [{table: sales, from: f}]", "source: "),
        ("version: 1\nsource: a\ntables: []", "tables: "),
        ("version: 1\nsource: a\nreporting_currency: EUX\ntables: [{table: sales, from: f}]",
         "reporting_currency: 'EUX' is not an ISO 4217"),
        (HEAD + " - {table: sale, from: f}", "tables.0.table: .*nearest is 'sales'"),
        (HEAD + " - {table: sales}", "either `from` .* or `records`"),
        (HEAD + " - {table: sales, from: g}", r"tables.0.from: there is no input 'g'"),
        (HEAD + " - {table: sales, from: f, columns: {unit: u}}",
         "columns: sales has no column 'unit'; nearest is 'units'"),
        (HEAD + " - {table: sales, from: f, columns: {units: u}, constants: {units: 1}}",
         "'units' is given twice"),
        (HEAD + " - {table: ad_spend, from: f, columns: {spend: s},"
         " unpivot: [{columns: {spend: t}}]}", "unpivot.0: 'spend' is given twice"),
        (HEAD + " - {table: ad_spend, from: f, unpivot: [{colums: {spend: t}}]}",
         "unpivot.0.colums: the key is not known; nearest is 'columns'"),
        (HEAD + " - {table: sales, from: f, missing: {units: nought}}", "missing.units"),
        (HEAD + " - {table: sales, from: f, missing: {grain: zero}}", "zero is for numbers only"),
        (HEAD + " - {table: sales, from: f, missing: {grain: 'null'}}", "may not be empty"),
        (HEAD + " - {table: sales, from: f, allow_negative: [net_revenue]}", "allow_negative"),
        (HEAD + " - {table: sales, from: f, multiply: {net_revenue: [a]}}",
         "multiply.net_revenue"),
        (HEAD + " - {table: promotions, from: f, offset_days: {ends_on: [kind, 6]}}",
         "'kind' is not a date column"),
        (HEAD + " - {table: promotions, from: f, offset_days: {ends_on: [starts_on, six]}}",
         "offset_days.ends_on"),
        (HEAD + " - {table: sales, from: f, templates: {order_id: '{day}'}}", "{day} is not a col"),
        (HEAD + " - {table: sales, from: f, templates: {order_id: 'x'}}", "use constants"),
        (HEAD + " - {table: sales, from: f, templates: {order_id: '{'}}", "tables.0"),
        (HEAD + " - {table: sales, from: f, templates: {order_id: '{units.__class__}'}}",
         "plain name"),
        (HEAD + " - {table: products, records: []}", "no row"),
        (HEAD + " - {table: products, records: [{product_id: a}], where: {x: present}}",
         "cannot stand with records"),
        (HEAD + " - {table: products, records: [{product: a}]}",
         "records.0: products has no column 'product'"),
        ("version: 1\nsource: a\nfiles: {f: {path: x, delimiter: ';;'}}\n"
         "tables: [{table: sales, from: f}]", "files.f.delimiter"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_names_the_key(text: str, named: str) -> None:
    with pytest.raises(SourceError, match=named) as caught:
        _parse(text)
    assert str(caught.value).startswith("shop.yml")
    assert "\n" not in str(caught.value)


def test_every_scalar_is_text() -> None:
    mapping = parse_mapping(
        (HEAD + " - {table: territories, records: [{territory_id: 007, territory_name: null,"
         " country_code: NO, population: 1e3}]}").encode(), "m"
    )  # fmt: skip
    assert mapping.tables[0].records == (
        {"territory_id": "007", "territory_name": "null", "country_code": "NO",
         "population": "1e3"},
    )  # fmt: skip


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.yml: .*cannot be read"):
        load_mapping(tmp_path / "gone.yml")
    with pytest.raises(SourceError, match="Is a directory"):
        load_mapping(tmp_path)


def test_paths_take_variables_and_their_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.yml"
    file.write_text(
        "version: 1\nsource: a\nfiles:\n  f: {path: '${SHOP_DATA:-here}/f.csv'}\n"
        "  g: {path: '${SHOP_DATA_UNSET}/f.csv'}\ntables: [{table: sales, from: f}]\n"
    )
    mapping = load_mapping(file)
    monkeypatch.delenv("SHOP_DATA", raising=False)

    def path_of(name: str) -> str:
        return mapping.filled(mapping.spec.files[name].path, f"files.{name}.path")

    assert path_of("f") == "here/f.csv"
    monkeypatch.setenv("SHOP_DATA", "/data")
    assert path_of("f") == "/data/f.csv"
    with pytest.raises(SourceError, match=r"a, files\.g\.path: .*SHOP_DATA_UNSET is not set"):
        path_of("g")


@pytest.mark.parametrize("file", sorted((PROJECT / "sources").glob("*.yml")), ids=lambda f: f.name)
def test_shipped_mappings_load_and_fit_the_schema(file: Path) -> None:
    assert load_mapping(file).spec.source == file.stem
    schema = jsonschema.Draft202012Validator(json.loads(mapping_schema()))
    assert not list(schema.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8"))))


def test_the_readme_example_is_a_mapping() -> None:
    page = (PROJECT / "sources/README.md").read_text(encoding="utf-8")
    mapping = parse_mapping(page.split("```yaml\n")[1].split("```")[0].encode(), "README")
    assert [table.table for table in mapping.tables] == ["territories", "ad_spend"]
    described = {line.split("`")[1].split(":")[0] for line in page.splitlines() if "| `" in line}
    keys = {field.alias or name for name, field in type(mapping.tables[0]).model_fields.items()}
    assert keys - {"table", "records"} <= described
