-- The ledger that is published is the one that was explained.
with

ledger as (
    select
        date_day,
        territory_id,
        sum(net_revenue) as net_revenue
    from {{ ref('fct_ledger') }}
    group by date_day, territory_id
),

outcome as (
    select * from {{ source('release', 'outcome') }}
)

select
    'the ledger holds ' || cast(coalesce(ledger.net_revenue, 0) as varchar) || ' and the outcome '
    || coalesce(cast(outcome.net_revenue as varchar), 'no such cell') as reason,
    coalesce(ledger.date_day, outcome.date_day) as date_day,
    coalesce(ledger.territory_id, outcome.territory_id) as territory_id
from ledger
full join outcome
    on ledger.date_day = outcome.date_day
    and ledger.territory_id = outcome.territory_id
where
    outcome.net_revenue is null
    or outcome.net_revenue <> coalesce(ledger.net_revenue, 0)
order by date_day, territory_id
