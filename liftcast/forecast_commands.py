"""`liftcast forecast`: the stage of a run; `run` and `backtest` on plain CSV files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liftcast import forecast_versions_commands
from liftcast.forecast_options import (
    ChunkOption,
    CountryOption,
    DateOption,
    GapsOption,
    HistoryOption,
    HorizonOption,
    LakeOption,
    MixOption,
    MixPlanOption,
    OutOption,
    PlanOption,
    SeedOption,
    SeriesOption,
    TargetOption,
    WorkersOption,
    country_known,
    naming,
    prepare,
)
from liftcast.forecast_reading import (
    Asked,
    folder_hash,
    inputs_of,
    lay_out_past,
    lay_out_with_mix,
    names_of,
)
from liftcast.forecast_rules import AssumeOption, SignsOption, plan_rules
from liftcast.forecast_sums import (
    FiscalOption,
    LevelsOption,
    ReconcileOption,
    sums_asked,
)
from liftcast.speaking import Say, noting, stepping
from warehouse.errors import printable

if TYPE_CHECKING:
    import pandas as pd


def add_commands(  # noqa: PLR0915 - a function a command
    app: typer.Typer, console: Console
) -> None:
    """Register `forecast` (the stage), `forecast run`, `forecast backtest`, `forecast scenario`."""
    from liftcast.forecast_scenarios import add_scenario

    forecast = typer.Typer(
        help="Without a command: the stage of a run. `run`, `backtest`, `scenario`: on CSV files."
    )
    app.add_typer(forecast, name="forecast")
    forecast_versions_commands.add_commands(forecast, console)

    note = noting()

    def clock() -> Say:
        return stepping(console)

    @forecast.callback(
        invoke_without_command=True, epilog="Example: `liftcast forecast --lake build/robyn`"
    )
    def stage(context: typer.Context, lake: LakeOption = None) -> None:
        """Forecast volume by territory, product and sales channel from history and plan of a lake.

        With `run` or `backtest`: the same on plain CSV files, without a lake.
        """
        if context.invoked_subcommand is not None:
            if lake is not None:
                raise typer.BadParameter("--lake is for the stage; run and backtest read files")
            return
        from liftcast import pipeline
        from warehouse.lake import Lake
        from warehouse.settings import Settings

        place = Lake.at(lake or Settings().lake).ensure()
        facts = pipeline.forecast(place, progress=clock())
        console.print(f"forecast of release {facts['release_id']} stands; next: `liftcast publish`")

    @forecast.command(
        epilog="Example: `liftcast forecast run --history sales.csv --plan plan.csv "
        "--series shop --date day --target units --horizon 42 --out build/next`"
    )
    def run(  # noqa: PLR0917 - options have names
        history: HistoryOption,
        series: SeriesOption,
        date: DateOption,
        target: TargetOption,
        horizon: HorizonOption,
        out: OutOption,
        plan: PlanOption = None,
        gaps: GapsOption = "error",
        country: CountryOption = None,
        seed: SeedOption = 0,
        mix: MixOption = None,
        mix_plan: MixPlanOption = None,
        levels: LevelsOption = None,
        reconcile: ReconcileOption = None,
        fiscal_calendar: FiscalOption = None,
        assume: AssumeOption = None,
        signs: SignsOption = None,
        workers: WorkersOption = 2,
        chunk: ChunkOption = None,
    ) -> None:
        """Forecast every series of a CSV: forecast.csv, totals.csv, explain.csv, steps.csv.

        Many series are forecast in parts, by processes of their own; finished parts are kept, and
        the same command goes on where it was stopped.

        With `--mix` the plan holds the columns of the mix's panel (or `--mix-plan` does, by the
        mix's weeks); what they bring is taken from the fit, for history and plan alike.
        """
        prepare()
        from forecasting.many import Tasks
        from liftcast.forecast_files import free
        from liftcast.forecast_parts import forecast_tasks

        free(out)
        country = country_known(country)
        rules = plan_rules(assume, signs, fiscal_calendar)
        asked = Asked(history, plan, series, date, target, horizon, gaps, rules)
        with naming(history, plan):
            laid, media = lay_out_with_mix(mix, asked, note, mix_plan)
        sums = sums_asked(laid, levels, reconcile, fiscal_calendar)
        settings = {
            "horizon": horizon,
            "seed": seed,
            "gaps": gaps,
            "country": country,
            "mix": folder_hash(mix) if mix is not None else None,
            "levels": levels,
            "reconcile": reconcile,
            "assume": rules.assume,
            "signs": rules.signs,
            "chunk": chunk,
        }
        inputs = inputs_of(history, (plan, mix_plan), laid, target) | {"settings": settings}
        tasks = Tasks(laid, sums, seed, country, media, chunk)
        facts = forecast_tasks(out, tasks, inputs, workers, clock())
        _summary(console, facts, out)

    @forecast.command(
        epilog="Example: `liftcast forecast backtest --history sales.csv --series shop --date day "
        "--target units --horizon 42 --plan-columns promo,price --out build/scores`"
    )
    def backtest(  # noqa: PLR0917 - options have names
        history: HistoryOption,
        series: SeriesOption,
        date: DateOption,
        target: TargetOption,
        horizon: HorizonOption,
        out: OutOption,
        plan: PlanOption = None,
        plan_columns: Annotated[
            str | None,
            typer.Option("--plan-columns", help="Plan columns of history; instead of --plan."),
        ] = None,
        origins: Annotated[int, typer.Option(min=1, max=26, help="Past origins to judge.")] = 4,
        gaps: GapsOption = "error",
        country: CountryOption = None,
        seed: SeedOption = 0,
        signs: SignsOption = None,
        fiscal_calendar: FiscalOption = None,
        levels: LevelsOption = None,
        reconcile: ReconcileOption = None,
        mix: MixOption = None,
        mix_plan: MixPlanOption = None,
    ) -> None:
        """Forecast the past from before it, at several origins: scores.csv, by step and model.

        The steps: seasonal naive, best single candidate, mix; with `--levels` or `--reconcile`
        also the mix made to agree; with `--mix` also media as a fit credits them, at the origins
        that came after all it was fitted on. The plan of a past horizon is what ran in it.
        """
        prepare()
        from forecasting.backtesting import backtest_frame, cuts_judged
        from liftcast.forecast_files import free, write_scores

        free(out)
        country = country_known(country)
        wished = names_of(plan_columns) if plan_columns is not None else None
        rules = plan_rules(None, signs, fiscal_calendar)
        asked = Asked(history, plan, series, date, target, horizon, gaps, rules, wished)
        with naming(history, plan):
            laid, media = lay_out_past(mix, asked, note, mix_plan)
        cuts = cuts_judged(laid.grid, origins)
        if len(cuts) < origins:
            note(f"history has room for {len(cuts)} origins, not {origins}")
        if media is not None:
            cuts = media.judged(cuts, note)
        sums = None
        if levels is not None or reconcile is not None:
            sums = sums_asked(laid, levels, reconcile, None)
        scores = backtest_frame(
            laid, seed=seed, country=country, progress=clock(), sums=sums, cuts=cuts,
            media=None if media is None else media.at,
        )  # fmt: skip
        write_scores(out, scores)
        console.print(_scores(scores))
        console.print(f"scores.csv lies in {escape(printable(out))}")

    add_scenario(forecast, console, note, clock)


def _summary(console: Console, facts: dict[str, Any], out: Path) -> None:
    console.print(_weights(facts["weights"], facts["kinds"]))
    agreed = facts["reconciliation"]
    why = f" ({agreed['why']})" if "why" in agreed else ""
    console.print(f"levels agree: {agreed['method']}{escape(why)}")
    console.print(
        f"forecast.csv, totals.csv, explain.csv, steps.csv lie in {escape(printable(out))}"
    )


def _weights(weights: dict[str, dict[str, float]], kinds: dict[str, int]) -> Table:
    table = Table(title="who forecasts, by kind of series", title_justify="left")
    table.add_column("kind")
    table.add_column("series", justify="right")
    table.add_column("weights, from earlier origins", overflow="fold")
    for kind, count in kinds.items():
        told = sorted(weights.get(kind, {}).items(), key=lambda pair: -pair[1])
        text = ", ".join(f"{name} {share:.2f}" for name, share in told)
        table.add_row(kind, f"{count:,}", text or "no earlier origin: see `model`")
    return table


def _scores(scores: pd.DataFrame) -> Table:
    import pandas as pd

    table = Table(title="mean over origins; bias: sum F - A over sum A", title_justify="left")
    columns = {"wape": "WAPE", "added": "step saves", "fva": "saved of naive", "bias": "bias",
               "wape_total": "of total", "mase": "MASE", "coverage_80": "in 80 %",
               "coverage_95": "in 95 %"}  # fmt: skip
    table.add_column("step", justify="right")
    table.add_column("model")
    table.add_column("origins", justify="right")
    table.add_column("series", justify="right")
    for heading in columns.values():
        table.add_column(heading, justify="right")
    means = scores.groupby("model", sort=False)[list(columns)].mean()
    counts = scores.groupby("model", sort=False).agg(
        {"origin": "nunique", "series": "max", "step": "max"}
    )
    for model in means.index:
        cells = [means.loc[model, name] for name in columns]
        shown = ["" if math.isnan(cell) else f"{cell:.3f}" for cell in cells]
        told = counts.loc[model]
        step = "" if pd.isna(told["step"]) else str(told["step"])
        table.add_row(step, str(model), str(told["origin"]), str(told["series"]), *shown)
    return table
