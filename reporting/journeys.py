"""What the page says of journeys, asked of the published tables."""

from __future__ import annotations

import duckdb

from reporting import wording
from reporting.published import Row, rows

_LEFT = {
    "lead": "between lead and qualified",
    "qualified": "between qualified and proposal",
    "proposal": "between proposal and order",
}


def channels(con: duckdb.DuckDBPyConnection, most: int = 40) -> list[Row]:
    """Channels with spend and credit by two rules side by side, dearest first.

    A rule that was not estimated leaves its columns None, and so does a channel that leaves no
    touch: nothing could credit it, which is not the same as that it sold nothing.
    """
    return rows(
        con,
        """
        WITH alike AS (SELECT * FROM attr_channels WHERE rule = 'linear'),
        credited AS (
            SELECT * FROM attr_channels WHERE touches > 0 OR channel = '(unattributed)'
        ),
        removal AS (SELECT * FROM credited WHERE rule = 'markov'),
        shared AS (SELECT * FROM credited WHERE rule = 'linear')
        SELECT channel, a.spend, s.value AS linear, r.value AS markov, s.roas, s.roas_p05,
               s.roas_p95, r.roas AS removal_roas, r.roas_p05 AS removal_p05,
               r.roas_p95 AS removal_p95, s.conversions, s.conversions_p05, s.conversions_p95,
               a.claimed_conversions
        FROM alike a LEFT JOIN shared s USING (channel) LEFT JOIN removal r USING (channel)
        ORDER BY channel = '(unattributed)', a.spend DESC, a.value DESC, channel LIMIT $most
        """,
        most=most,
    )


def funnel_sentence(con: duckdb.DuckDBPyConnection) -> str:
    """Where most is lost, in one sentence; empty without a lost opportunity."""
    found = rows(
        con,
        """
        SELECT stage, lost_share, conversion, conversion_p05, conversion_p95, days_median
        FROM funnel_stages WHERE compared_by = 'all' AND lost > 0
        ORDER BY lost DESC, stage LIMIT 1
        """,
    )
    if not found:
        return ""
    worst = found[0]
    ends = wording.interval(
        wording.percent(worst["conversion_p05"], False), wording.percent(worst["conversion_p95"])
    )
    return (
        f"Of the funnel most is lost {_LEFT[worst['stage']]}: "
        f"{wording.percent(worst['lost_share'])} of all lost opportunities; "
        f"{wording.percent(worst['conversion'])} move on ({ends})."
    )
