"""The page: every number is the tables', no name runs, nothing is asked of the network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import time
from html.parser import HTMLParser

import pandas as pd
import pytest

from reporting import figures, wording
from reporting.page import write_page
from reporting.published import opened
from warehouse.errors import LiftcastError


class _Page(HTMLParser):
    """What a browser would see: tags with attributes, text of elements, scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[tuple[str, dict[str, str | None], str]] = []
        self.text = ""
        self._open: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open = tag
            self.blocks.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open:
            tag, attrs, text = self.blocks[-1]
            self.blocks[-1] = (tag, attrs, text + data)
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    def specs(self) -> dict:
        return json.loads(next(t for _, a, t in self.blocks if a.get("id") == "chart-data"))


@pytest.fixture(scope="module")
def html(hostile, facts, tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("page") / "index.html"
    write_page(hostile, out, facts)
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html) -> _Page:
    return _Page(html)


def test_nothing_is_loaded_from_anywhere(page):
    loading = ("src", "srcset", "data", "poster", "action", "background", "xlink:href")
    for tag, attrs in page.tags:
        assert not [name for name in loading if name in attrs], (tag, attrs)
        if "href" in attrs:
            assert re.fullmatch(r"#[a-z]+|[a-z/]+(\.(html|xlsx|duckdb))?", attrs["href"]), attrs
    assert not page.all("link") and not page.all("iframe") and not page.all("img")
    css = next(text for tag, _, text in page.blocks if tag == "style")
    assert "url(" not in css and "@import" not in css


def test_the_policy_allows_only_the_pages_own_scripts_by_hash(page):
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert "unsafe" not in policy and "http" not in policy

    def hashes(wanted: str) -> str:
        texts = [t for tag, a, t in page.blocks if tag == wanted and "type" not in a]
        digests = [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts]
        return " ".join(f"'sha256-{digest}'" for digest in digests)

    assert parts["script-src"] == hashes("script")
    assert parts["style-src"] == hashes("style")


def test_hostile_names_are_text_and_end_no_script(page, html):
    names = [tag for tag, _ in page.tags]
    assert names.count("script") == 3  # data, library, drawing: none came with a name
    assert "<script>alert(1)</script>" in page.text
    assert "</script><img src=x onerror=alert(2)>" in page.text
    assert "onerror" not in {name for _, attrs in page.tags for name in attrs}
    assert "<img src=x" not in html
    labels = page.specs()["stack"]["encoding"]["color"]["scale"]["domain"]
    assert "</script><img src=x onerror=alert(2)>" in labels


def test_the_attribution_table_shows_the_published_numbers(page, hostile):
    summary = pd.read_parquet(hostile / "attr_summary.parquet")
    titles = {attrs.get("title") for _, attrs in page.tags}
    for amount in [*summary["contribution"], *summary["spend"]]:
        if amount:
            assert wording.exact(amount, "EUR") in titles
    for roi in summary["roi"].dropna():
        assert wording.ratio(roi) in page.text


def test_the_second_opinion_shows_both_engines_and_the_difference(page, hostile):
    titles = {attrs.get("title") for _, attrs in page.tags}
    first = pd.read_parquet(hostile / "attr_summary.parquet").set_index(["kind", "driver"])
    second = pd.read_parquet(hostile / "attr_summary_classical.parquet")
    second = second.set_index(["kind", "driver"])
    for key, amount in second["contribution"].items():
        assert wording.exact(amount, "EUR") in titles
        assert wording.exact(amount - first["contribution"][key], "EUR") in titles
    assert "disagrees" in page.text and "no second estimate" in page.text


def test_a_missing_second_opinion_is_said_so(hostile, facts, tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    for file in hostile.glob("*.parquet"):
        (tables / file.name).write_bytes(file.read_bytes())
    empty = pd.read_parquet(hostile / "attr_summary_classical.parquet").iloc[:0]
    empty.to_parquet(tables / "attr_summary_classical.parquet")
    write_page(tables, tmp_path / "index.html", facts)
    text = _Page((tmp_path / "index.html").read_text()).text
    assert "The classical engine could not estimate this panel" in text


def test_the_reconciliation_line_closes_to_the_cent(page, hostile):
    booked = sum(pd.read_parquet(hostile / "fct_ledger.parquet")["net_revenue"])
    explained = sum(pd.read_parquet(hostile / "attr_contributions.parquet")["contribution"])
    assert booked == explained
    assert "It ties to the ledger." in page.text
    line = next(x for x in page.text.splitlines() if "It ties" in x).replace("\u00a0", " ")
    assert f"= {booked:,.2f} EUR; ledger {booked:,.2f} EUR; difference 0.00 EUR" in line
    parts = [
        float(p.replace(",", "")) for p in re.findall(r"(-?[\d,]+\.\d\d)", line.split(" = ")[0])
    ]
    assert round(sum(parts), 2) == float(booked)


def test_a_ledger_that_does_not_tie_is_said_so(hostile, facts, tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    for file in hostile.glob("*.parquet"):
        (tables / file.name).write_bytes(file.read_bytes())
    with opened(hostile) as con:
        con.execute(
            f"""COPY (SELECT * REPLACE (CASE WHEN row_number() OVER () = 1 THEN net_revenue + 0.01
            ELSE net_revenue END::DECIMAL(18,2) AS net_revenue) FROM fct_ledger)
            TO '{tables / "fct_ledger.parquet"}'"""
        )
    write_page(tables, tmp_path / "index.html", facts)
    text = _Page((tmp_path / "index.html").read_text()).text.replace("\u00a0", " ")
    assert "It does not tie to the ledger." in text
    assert "difference -0.01 EUR" in text


def test_stacked_charts_add_up_to_the_tables(page, hostile):
    table = pd.read_parquet(hostile / "attr_contributions.parquet")
    marketing = table[table.kind.isin(figures.MARKETING)]["contribution"].astype(float).sum()
    stack = page.specs()["stack"]
    drawn = stack["datasets"][stack["data"]["name"]]
    assert sum(bar["v"] for bar in drawn) == pytest.approx(marketing, abs=1)
    split = page.specs()["split"]
    line = split["datasets"][split["layer"][1]["data"]["name"]]
    booked = pd.read_parquet(hostile / "fct_ledger.parquet")["net_revenue"].astype(float).sum()
    assert sum(point["v"] for point in line[:-1]) == pytest.approx(booked, abs=1)


def test_the_forecast_table_adds_up_and_keeps_its_unit(daily, facts, tmp_path):
    write_page(daily, tmp_path / "index.html", facts)
    page = _Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    volume = pd.read_parquet(daily / "fcst_volume.parquet")
    weeks = volume[(volume.period == "week") & (volume.level == "total")].sort_values("date_day")
    titles = {attrs.get("title") for _, attrs in page.tags}
    for mean in weeks["mean"][:13]:
        assert wording.exact(mean, "units") in titles
    assert wording.exact(sum(weeks["mean"][:13]), "units") in titles
    assert "units, and the net revenue in EUR they bring, per week" in page.text
    assert "EUR of units" not in page.text
    money = pd.read_parquet(daily / "fcst_revenue.parquet")
    money = money[(money["period"] == "week") & (money["level"] == "total")].sort_values("date_day")
    assert wording.exact(sum(money["mean"][:13]), "EUR") in titles
    assert "of net revenue (within " in page.text
    fans = [json.dumps(page.specs()[name]) for name in ("fan", "fan_money")]
    for fan, mean in zip(fans, (weeks["mean"], money["mean"]), strict=True):
        assert f'"v": {float(mean.iloc[1])}' in fan


def test_parts_of_the_forecast_stand_in_words_and_sum(daily, facts, tmp_path):
    write_page(daily, tmp_path / "index.html", facts)
    page = _Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    told = page.text[page.text.index("What the forecast is made of") :]
    words = ("level: what sells without the rest", "<script>alert(1)</script> (media)",
             "errors of earlier forecasts, carried on", "season and weekday")  # fmt: skip
    places = [told.index(word) for word in words]
    assert places == sorted(places)
    made = pd.read_parquet(daily / "fcst_components.parquet")
    titles = {attrs.get("title") for _, attrs in page.tags}
    assert wording.exact(made["value"].sum(), "units") in titles
    assert wording.exact(made["net_revenue"].sum(), "EUR") in titles


def test_locked_forecasts_are_beside_what_was_sold(page, hostile, facts, tmp_path):
    told = page.text[page.text.index("Locked forecasts. Error") :]
    for shown in ("2025-P01", "20\u00a0%", "10\u00a0%", "5.0\u00a0%", "80\u00a0%", "100\u00a0%"):
        assert shown in told
    tables = tmp_path / "tables"
    shutil.copytree(hostile, tables)
    file = tables / "fcst_accuracy.parquet"
    pd.read_parquet(file).iloc[:0].to_parquet(file)
    write_page(tables, tmp_path / "none.html", facts)
    assert "Locked forecasts" not in (tmp_path / "none.html").read_text(encoding="utf-8")


def test_tables_and_charts_can_be_read_without_seeing(page):
    assert len(page.all("caption")) == len(page.all("table")) >= 4
    assert all(attrs.get("scope") in ("col", "row") for attrs in page.all("th"))
    charts = [attrs for attrs in page.all("div") if "data-chart" in attrs]
    assert {attrs["data-chart"] for attrs in charts} == set(page.specs())
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 40 for attrs in charts)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")}
    wanted |= {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a}
    assert wanted <= set(ids)


def test_run_facts_and_checks_are_at_the_top(page, facts):
    top = page.text[: page.text.index("What each driver brought")]
    for name in ("run_id", "release_id", "code_version"):
        assert facts[name] in top
    assert "6 Jan 2025 06:31 UTC" in top
    assert "1 warning, 3 passed, none failed" in top


def test_equal_input_gives_equal_bytes(hostile, facts, html, tmp_path):
    write_page(hostile, tmp_path / "again.html", facts)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == html


def test_forty_territories_and_three_years_stay_small(large, facts, tmp_path):
    start = time.perf_counter()
    write_page(large, tmp_path / "index.html", facts)
    assert time.perf_counter() - start < 30  # some 2 s on a free core; a shared one is slower
    assert (tmp_path / "index.html").stat().st_size < 6_000_000


def test_a_missing_table_is_named(hostile, facts, tmp_path):
    (tmp_path / "attr_summary.parquet").write_bytes((hostile / "attr_summary.parquet").read_bytes())
    with pytest.raises(LiftcastError, match="attr_contributions") as caught:
        write_page(tmp_path, tmp_path / "index.html", facts)
    assert "liftcast publish" in str(caught.value)
    assert not (tmp_path / "index.html").exists()


QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--virtual-time-budget=10000",
    "--enable-logging=stderr",
    "--window-size=1200,4000",
)


def test_charts_draw_in_a_browser_without_an_error(chromium, hostile, facts, tmp_path):
    out = tmp_path / "index.html"
    write_page(hostile, out, facts)
    done = subprocess.run(
        [chromium, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", out.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert console == []
    assert 'data-charts="drawn"' in done.stdout
    charts = _Page(out.read_text(encoding="utf-8")).specs()
    drawn = re.findall(r'data-chart="(\w+)".*?(?=data-chart="|</main>)', done.stdout, re.DOTALL)
    assert set(drawn) == set(charts)
    for piece in re.split(r'data-chart="', done.stdout)[1:]:
        assert "<svg" in piece
        assert re.search(r'class="mark-(rect|line|area|symbol|rule)', piece)
        assert re.search(r'<path[^>]* d="M', piece)
    seen = _Page(done.stdout)
    assert "<img src=x onerror=alert(2)>" in seen.text and not seen.all("img")
