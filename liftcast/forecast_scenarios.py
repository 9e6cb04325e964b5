"""`liftcast forecast scenario`: what one plan brings against another, on plain CSV files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liftcast import forecast_options as options
from liftcast.forecast_reading import Asked, lay_out_with_mix
from liftcast.forecast_rules import AssumeOption, SignsOption, plan_rules
from liftcast.forecast_sums import FiscalOption, LevelsOption, sums_asked
from liftcast.speaking import Say
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd


def add_scenario(
    forecast: typer.Typer, console: Console, note: Say, clock: Callable[[], Say]
) -> None:
    """Register `forecast scenario`."""

    @forecast.command(
        epilog="Example: `liftcast forecast scenario --history sales.csv --plan as_is.csv "
        "--plan more_promotion.csv --series shop --date day --target units --horizon 42 "
        "--out build/whatif`"
    )
    def scenario(  # noqa: PLR0917 - options have names
        history: options.HistoryOption,
        plan: Annotated[
            list[Path],
            typer.Option("--plan", help="CSV of the periods to come; the first is compared with."),
        ],
        series: options.SeriesOption,
        date: options.DateOption,
        target: options.TargetOption,
        horizon: options.HorizonOption,
        out: options.OutOption,
        gaps: options.GapsOption = "error",
        country: options.CountryOption = None,
        seed: options.SeedOption = 0,
        assume: AssumeOption = None,
        signs: SignsOption = None,
        mix: options.MixOption = None,
        mix_plan: Annotated[
            list[Path] | None,
            typer.Option("--mix-plan", help="The mix's plan by its dates, one for each --plan."),
        ] = None,
        levels: LevelsOption = None,
        fiscal_calendar: FiscalOption = None,
        chunk: options.ChunkOption = None,
    ) -> None:
        """Compare plans: scenario.csv, the difference of each to the first, by driver.

        Many series are compared in the parts that `run` forecasts them in, one after the other.
        """
        options.prepare()
        from forecasting.scenarios import compare_plans
        from liftcast.forecast_files import free, write_scenario

        free(out)
        country = options.country_known(country)
        names = _plan_names(plan)
        own = _mix_plans(mix_plan, plan)
        rules = plan_rules(assume, signs, fiscal_calendar)
        said: set[str] = set()

        def once(text: str) -> None:
            if text not in said:
                said.add(text)
                note(text)

        found = {}
        for name, path, of_mix in zip(names, plan, own, strict=True):
            asked = Asked(history, path, series, date, target, horizon, gaps, rules)
            with options.naming(history, path):
                found[name] = lay_out_with_mix(mix, asked, once, of_mix)
        laid = {name: one for name, (one, _) in found.items()}
        media = {name: told for name, (_, told) in found.items() if told is not None}
        made = compare_plans(
            laid, seed=seed, country=country, progress=clock(), media=media or None,
            sums=sums_asked(laid[names[0]], levels, None, fiscal_calendar), most=chunk,
        )  # fmt: skip
        write_scenario(out, made)
        console.print(_differences(made.table))
        console.print(f"scenario.csv lies in {escape(printable(out))}")


def _plan_names(plans: list[Path]) -> list[str]:
    """File names without their ending; with folders where two are alike."""
    if len(plans) < 2:
        raise LiftcastError(
            "one plan only",
            expected="two or more: --plan as_is.csv --plan other.csv",
            remedy="For the forecast of one plan take `liftcast forecast run`",
        )
    names = [path.stem for path in plans]
    if len(set(names)) < len(names):
        names = [f"{number} {path.stem}" for number, path in enumerate(plans, start=1)]
    return names


def _mix_plans(given: list[Path] | None, plans: list[Path]) -> list[Path | None]:
    """The mix's own plan beside each plan; none of them, or one for each."""
    if not given:
        return [None] * len(plans)
    if len(given) != len(plans):
        raise LiftcastError(
            "not one plan of the mix for each plan",
            where="--mix-plan",
            expected=f"{len(plans)}, in the order of --plan; the same file again where media stay",
            got=str(len(given)),
        )
    return list(given)


def _differences(table: pd.DataFrame) -> Table:
    """Of everything, over the whole horizon."""
    if "period" in table:
        table = table[table["period"] == ""]
    whole = table[(table["level"] == "total") & (table["ds"] == table["ds"].min())]
    whole = whole[whole["ds_last"] == table["ds_last"].max()]
    against = str(table["against"].iloc[0])
    shown = Table(
        title=f"difference to {escape(printable(against))}, all series, whole horizon",
        title_justify="left",
    )
    shown.add_column("plan")
    shown.add_column("driver", overflow="fold")
    for heading in ("difference", "80 % from", "to", "of its sales"):
        shown.add_column(heading, justify="right")
    base = {plan: rows["mean_against"].dropna().iloc[0] for plan, rows in whole.groupby("plan")}
    for _, row in whole.iterrows():
        share = f"{row['mean'] / base[row['plan']]:+.1%}" if base[row["plan"]] else ""
        shown.add_row(
            escape(printable(row["plan"])),
            escape(printable(row["driver"])),
            *(f"{row[name]:,.2f}" for name in ("mean", "p10", "p90")),
            share,
        )
    return shown
