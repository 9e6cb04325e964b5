"""`liftcast mix predict`, `optimise`, `refresh`, `compare`: what is done with a fit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liftcast.speaking import noting, stepping
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd

ResultOption = Annotated[
    Path, typer.Option("--result", help="Folder of a fit, or the result.zip in it.")
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder to write into; a new one.")]
SpecOption = Annotated[
    Path | None, typer.Option("--spec", help="Spec file; default: as the fit was told.")
]
AlignOption = Annotated[
    bool, typer.Option("--align", help="Count weeks by the weekday of the fitted window.")
]


def add_commands(mix: typer.Typer, console: Console) -> None:  # noqa: PLR0915 - four commands
    """Register the commands on the `mix` app."""
    note = noting()

    @mix.command(
        epilog="Example: `liftcast mix predict --result build/fit --plan next.csv --out build/next`"
    )
    def predict(
        result: ResultOption,
        plan: Annotated[Path, typer.Option("--plan", help="CSV of future dates, no outcome.")],
        out: OutOption,
        spec: SpecOption = None,
        align: AlignOption = False,
    ) -> None:
        """Tell future dates: the outcome and what every driver will bring, with intervals."""
        begun = _begin(out)
        from liftcast import mix_planning as planning

        fitted, file = planning.open_result(result)
        told = fitted.predict(
            planning.read_plan(plan, planning.spec_of(file, spec), note), align=align
        )
        planning.write_prediction(told, out)
        for text in told.notes:
            note(text)
        console.print(_table(told.totals(), "outcome, all territories"))
        _done(console, out, begun)

    @mix.command(
        epilog="Example: `liftcast mix optimise --result build/fit --budget 100000 --out plan`"
    )
    def optimise(  # noqa: PLR0917 - options have names
        result: ResultOption,
        out: OutOption,
        budget: Annotated[
            str | None, typer.Option("--budget", help="Money in all; default: what the plan spends")
        ] = None,
        goal: Annotated[
            Literal["fixed", "roi", "mroi", "flexible"],
            typer.Option(help="Spend the budget; or reach a return; or maximise profit."),
        ] = "fixed",
        target: Annotated[
            float | None, typer.Option("--target", help="Return that roi or mroi must reach.")
        ] = None,
        plan: Annotated[
            Path | None,
            typer.Option("--plan", help="CSV of future dates; default: the last year again."),
        ] = None,
        bounds: Annotated[
            Path | None,
            typer.Option("--bounds", help="CSV: driver, lower, upper (or lower_spend, ...)."),
        ] = None,
        driver: Annotated[
            list[str] | None, typer.Option("--driver", help="Scale only these; repeatable.")
        ] = None,
        by_territory: Annotated[
            bool, typer.Option("--by-territory", help="Split between territories as well.")
        ] = False,
        margin: Annotated[
            float | None, typer.Option("--margin", help="Share of revenue that is profit.")
        ] = None,
        risk_averse: Annotated[
            float | None,
            typer.Option("--risk-averse", help="Maximise the mean of this share of worst draws."),
        ] = None,
        beyond_observed: Annotated[
            bool, typer.Option("--beyond-observed", help="Go past all exposure ever observed.")
        ] = False,
        spec: SpecOption = None,
        align: AlignOption = False,
    ) -> None:
        """Split a budget between drivers; says how likely the new plan is a gain."""
        begun = _begin(out)
        from liftcast import mix_planning as planning

        money = _money(budget)
        fitted, file = planning.open_result(result)
        inputs = None
        if plan is not None:
            inputs = planning.read_plan(plan, planning.spec_of(file, spec), note)
        asked: dict[str, Any] = {
            "budget": money,
            "goal": goal,
            "target": target,
            "drivers": tuple(driver) if driver else None,
            "by_territory": by_territory,
            "margin": margin,
            "risk_averse": risk_averse,
            "beyond_observed": beyond_observed,
        }
        told = fitted.optimise(**asked, plan=inputs, bounds=_bounds(bounds, note), align=align)
        planning.write_allocation(told, asked, out)
        for text in told.notes:
            note(text)
        shown = ["driver", "territory_id", "spend_now", "spend", "change", "contribution", "mroi"]
        table = told.allocation()
        console.print(_table(table[[c for c in shown if c in table]], "allocation"))
        totals = told.totals
        console.print(
            f"{totals['starts_on']} to {totals['ends_on']}: spend {totals['spend']:,.2f} (now "
            f"{totals['spend_now']:,.2f}); gain {totals['profit_gain']:,.0f} "
            f"({totals['profit_gain_p05']:,.0f} to {totals['profit_gain_p95']:,.0f}), a gain with "
            f"probability {totals['probability_of_gain']:.0%}"
        )
        _done(console, out, begun)

    @mix.command(
        epilog="Example: `liftcast mix refresh --result build/fit --panel new.csv --out build/new`"
    )
    def refresh(  # noqa: PLR0917 - options have names
        result: ResultOption,
        panel: Annotated[Path, typer.Option("--panel", help="CSV with newer or corrected rows.")],
        out: OutOption,
        spec: SpecOption = None,
        experiments: Annotated[
            Path | None,
            typer.Option("--experiments", help="CSV of read-outs to calibrate the new fit by."),
        ] = None,
        threshold: Annotated[
            float, typer.Option(help="Share of the outcome a driver may move by unflagged.")
        ] = 0.01,
    ) -> None:
        """Fit newer data from the last result; list what moved history, and why."""
        begun = _begin(out)
        from liftcast import mix_planning as planning
        from liftcast.mix_commands import read_panel_file

        fitted, file = planning.open_result(result)
        told_spec = planning.spec_of(file, spec)
        _, sheet = read_panel_file(panel, told_spec, note)
        settings = None
        if spec is not None:
            settings = told_spec.model.model_copy(
                update={
                    "value_per_unit": sheet.value_per_unit,
                    "engine": fitted.estimate.spec.engine,
                }
            )
        say = stepping(console, begun)
        told = planning.refreshed(
            fitted, sheet.inputs, settings, experiments, threshold, say=say, note=note
        )
        planning.write_refresh(told, told_spec, out)
        shown = ["driver", "before", "after", "moved", "by_restated", "by_new_data"]
        shown += ["by_changed_model", "by_experiments", "by_sampling", "cause"]
        console.print(_table(told.moves[shown], "contributions over the dates both have"))
        console.print(
            f"{int(told.moves['is_flagged'].sum())} drivers flagged; {len(told.restated):,} cells "
            f"restated, {len(told.appended)} dates appended, {len(told.dropped)} dropped"
        )
        _done(console, out, begun)

    @mix.command(epilog="Example: `liftcast mix compare build/bayes build/statsmodels`")
    def compare(
        folders: Annotated[list[Path], typer.Argument(help="Folders of fits, two or more.")],
        out: Annotated[
            Path | None, typer.Option("--out", help="CSV to write the comparison into.")
        ] = None,
    ) -> None:
        """Shares, ROI and intervals of two or more fits side by side."""
        from liftcast import mix_planning as planning
        from models.mix.comparison import compare_diagnostics, compare_summaries

        found = planning.read_summaries(folders)
        table = compare_summaries({name: frame for name, (frame, _) in found.items()})
        shown = [
            "driver",
            *[f"{n}_{c}" for n in found for c in ("share", "share_p05", "share_p95")],
        ]
        shown += [f"{name}_roi" for name in found] + ["gap", "overlap", "is_apart"]
        console.print(_table(table[shown], "shares of the outcome"))
        figures = compare_diagnostics({name: one for name, (_, one) in found.items()})
        if len(figures):
            console.print(_table(figures, "fit and holdout"))
        if out is not None:
            from warehouse.files import replacing

            if out.exists():
                raise LiftcastError(
                    "the file stands already", where=printable(out), remedy="Give another --out"
                )
            with replacing(out) as temporary:
                planning.write_frame(temporary, table)
            console.print(f"written to {escape(printable(out))}")


register = add_commands


def _begin(out: Path) -> float:
    begun = time.monotonic()
    from liftcast.mix_files import check_place
    from liftcast.threads import one_thread

    check_place(out.resolve(), False)
    one_thread()
    return begun


def _done(console: Console, out: Path, begun: float) -> None:
    seconds = time.monotonic() - begun
    console.print(f"written to {escape(printable(out))} in {seconds:.1f} s")


def _money(text: str | None) -> Any:
    from decimal import Decimal, InvalidOperation

    if text is None:
        return None
    try:
        found = Decimal(text.replace(",", "").replace("_", ""))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found <= 0:
        raise LiftcastError(
            "the budget is no amount",
            where="--budget",
            expected="an amount above 0, as 100000 or 99999.95",
            got=printable(text, 40),
        )
    return found


def _bounds(path: Path | None, note: Any) -> pd.DataFrame | None:
    if path is None:
        return None
    from liftcast.mix_files import read_csv

    table = read_csv(path)
    for text in table.notes:
        note(text)
    return table.frame


def _table(frame: pd.DataFrame, title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in frame:
        text = frame[name].dtype == object and not _number(frame[name].iloc[0])
        table.add_column(printable(name, 60), justify="left" if text else "right", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*[escape(_cell(value)) for value in row])
    return table


def _number(value: object) -> bool:
    return isinstance(value, int | float) or type(value).__name__ == "Decimal"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if hasattr(value, "date"):
        return str(value.date())
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if not _number(value):
        return printable(value, 60)
    return f"{value:,.2f}" if abs(value) >= 100 else f"{float(value):.4g}"
