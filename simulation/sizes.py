"""How big a company is: its window, its map, its catalogue, and how finely it is written down."""

from dataclasses import dataclass, replace
from typing import Literal

from simulation.desk import Volume
from simulation.writing import Format

Size = Literal["s", "m", "l"]
LINES_FOR_EACH_TOUCHPOINT = 0.4


@dataclass(frozen=True)
class Scope:
    """What a size stands for.

    `scale` multiplies what a territory sells, `variety` the campaigns and promotions side by side.
    """

    days: int
    territories: int
    products: int
    variety: int
    scale: float
    sellers: int
    bots: int
    form: Format
    volume: Volume


SCOPES: dict[str, Scope] = {
    "s": Scope(730, 4, 3, 1, 1.0, 2, 1, "csv", Volume(27.0, 1.5, 9.0, 100_000, 20)),
    "m": Scope(1096, 8, 12, 3, 1.0, 3, 2, "parquet", Volume(50.0, 6.0, 25.0, 1_000_000, 30)),
    "l": Scope(1096, 8, 12, 3, 10.0, 6, 40, "parquet",
               Volume(11_000.0, 1_500.0, 5_500.0, 50_000_000, 60)),
}  # fmt: skip


def scope(
    size: Size, days: int | None, territories: int | None, touchpoints: int | None, part: float
) -> Scope:
    """The scope of a size, changed as asked.

    `part` is the size of the asked-for company in the size's own; touchpoints and lines shrink
    with it. `touchpoints` sets their number, and 0.4 ledger lines for each.
    """
    chosen = SCOPES[size]
    volume = chosen.volume
    wanted = replace(
        chosen, days=days or chosen.days, territories=territories or chosen.territories
    )
    if touchpoints is not None:
        lines = LINES_FOR_EACH_TOUCHPOINT * touchpoints / wanted.days
        # A line of each product, territory and book is there in any case.
        more = max(lines - 2.9 * wanted.territories * wanted.products, 1.0)
        volume = Volume(0.61 * more, 0.08 * more, 0.31 * more, touchpoints, volume.dealers)
        return replace(wanted, volume=volume, bots=max(1, touchpoints // 1_250_000))
    shrunk = Volume(
        part * volume.own_lines, part * volume.trade_lines, part * volume.partner_lines,
        int(part * volume.touchpoints * wanted.days / chosen.days), volume.dealers,
    )  # fmt: skip
    return replace(wanted, volume=shrunk)
