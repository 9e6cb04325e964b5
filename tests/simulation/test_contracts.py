"""What the simulator writes is what the raw contracts ask for; only the copies are turned away."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.contracts import CONTRACTS
from ingestion.contracts.contract import LINEAGE
from ingestion.mapping import load_mapping
from simulation import simulate
from simulation.tables import COLUMNS, schema
from warehouse.settings import PROJECT


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company in Parquet with every kind of row, small."""
    folder = tmp_path_factory.mktemp("company")
    simulate(folder, seed=77, days=400, territories=4, size="m", touchpoints=40_000)
    return folder


def test_columns_and_types_are_those_of_the_contracts() -> None:
    assert list(COLUMNS) == list(CONTRACTS)
    for table, contract in CONTRACTS.items():
        landed = [field for field in contract.arrow_schema if field.name not in LINEAGE.names]
        assert list(schema(table)) == landed, table


@pytest.mark.parametrize("table", list(CONTRACTS))
def test_every_row_but_the_copies_passes_its_contract(company: Path, table: str) -> None:
    contract = CONTRACTS[table]
    rows = pq.read_table(company / f"{table}.parquet")
    assert rows.schema.equals(schema(table))
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    key = list(contract.key)
    if table == "sales":
        copies = frame[frame.duplicated()]
        told = pq.read_table(company / "truth" / "duplicates.parquet").to_pandas()
        assert set(map(tuple, copies[key].to_numpy())) == set(map(tuple, told.to_numpy()))
        assert 0 < len(copies) == len(told) < 0.005 * len(frame)
        frame = frame.drop_duplicates()
    assert len(frame)
    contract.schema().validate(frame, lazy=True)
    assert not frame.duplicated(key).any()


def test_the_mapping_names_every_table_in_either_format() -> None:
    spec = load_mapping(PROJECT / "sources" / "simulated.yml").spec
    assert [table.table for table in spec.tables] == list(CONTRACTS)
    assert all(spec.files[name].path.endswith(f"/{name}.*") for name in CONTRACTS)


def test_rows_arrive_late_and_returns_refer_to_earlier_sales(company: Path) -> None:
    sales = pq.read_table(company / "sales.parquet").to_pandas().drop_duplicates()
    days = pd.to_datetime(sales["date_day"])
    assert 0.005 < (days < days.cummax()).mean() < 0.9
    back = sales[sales["units"] < 0]
    assert 0.005 < len(back) / len(sales) < 0.06
    # A dealer who stocked up too much sends some back: a credit note of its own.
    notes = back["line_number"] < 100
    assert set(back.loc[notes, "sales_level"]) <= {"factory"} and notes.mean() < 0.02
    back = back[~notes]
    sold = sales[sales["units"] > 0].set_index(["order_id", "line_number"])
    earlier = sold.reindex(pd.MultiIndex.from_arrays([back["order_id"], back["line_number"] - 100]))
    assert (earlier["date_day"].to_numpy() < back["date_day"].to_numpy()).all()
    assert (earlier["product_id"].to_numpy() == back["product_id"].to_numpy()).all()
    assert (earlier["units"].to_numpy() + back["units"].to_numpy() >= 0).all()


def test_an_order_due_to_a_channel_has_a_touch_of_it_before(company: Path) -> None:
    sales = pq.read_table(company / "sales.parquet").to_pandas()
    due = pq.read_table(company / "truth" / "conversions.parquet").to_pandas()
    touches = pq.read_table(company / "touchpoints.parquet").to_pandas()
    order = sales[sales["units"] > 0].drop_duplicates("order_id").set_index("order_id")
    due = due.join(order[["customer_id", "sold_at"]], on="order_id").dropna(subset=["sold_at"])
    met = due.merge(touches, left_on=["customer_id", "channel"], right_on=["person_id", "channel"])
    before = (met["sold_at"] - met["occurred_at"]).dt.total_seconds() / 86_400
    held = met.loc[(before > 0) & (before <= 28.5), "order_id"].nunique()
    assert held == due["order_id"].nunique() > 50
    assert pa.types.is_timestamp(schema("touchpoints").field("occurred_at").type)


def test_bots_touch_hundreds_of_times_within_an_hour(company: Path) -> None:
    touches = pq.read_table(company / "touchpoints.parquet").to_pandas()
    bots = touches[touches["person_id"].str.startswith("x", na=False)]
    each = bots.groupby("person_id")["occurred_at"].agg(["min", "max", "size"])
    assert (each["size"] >= 150).all() and len(each) >= 10
    assert ((each["max"] - each["min"]).dt.total_seconds() <= 3_600).all()


def test_a_lost_distributor_orders_no_more_and_a_seller_moves_within_a_quarter(
    company: Path,
) -> None:
    sales = pq.read_table(company / "sales.parquet").to_pandas()
    bought = sales[sales["sales_level"] == "factory"]
    last = bought.groupby("customer_id")["date_day"].max()
    distributors = last[last.index.str.endswith("-d000")]
    gone = distributors[distributors < max(last) - pd.Timedelta(days=60)]
    assert len(gone) == 1
    sellers = pq.read_table(company / "sellers.parquet").to_pandas()
    moved = sellers[sellers["seller_id"] == "s001"].sort_values("valid_from")
    assert moved["territory_id"].nunique() == 2
    assert moved["valid_from"].iloc[1].month % 3 == 2


def test_opportunities_lead_to_the_orders_they_name(company: Path) -> None:
    sales = pq.read_table(company / "sales.parquet").to_pandas().drop_duplicates()
    found = pq.read_table(company / "opportunities.parquet").to_pandas()
    won = found[found["stage"] == "won"].set_index("opportunity_id")
    orders = sales.dropna(subset=["opportunity_id"]).groupby("opportunity_id")
    assert set(orders.groups) == set(won.index)
    amount = orders["net_revenue"].sum().astype(float)
    assert ((amount - won["amount"].astype(float).reindex(amount.index)).abs() < 0.005).all()
    for earlier, later in (("created_at", "qualified_at"), ("qualified_at", "proposal_at"),
                           ("proposal_at", "closed_at")):  # fmt: skip
        both = found.dropna(subset=[earlier, later])
        assert (both[earlier] <= both[later]).all()
    assert (
        {"won", "lost", "lead", "qualified", "proposal"} >= set(found["stage"]) >= {"won", "lost"}
    )
