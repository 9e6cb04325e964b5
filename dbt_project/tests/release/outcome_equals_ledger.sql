-- What is explained is the ledger itself: equal in every date x territory, from both sides.
with

outcome as (
    select * from {{ ref('release_outcome') }}
),

ledger as (
    select
        date_day,
        territory_id,
        sum(net_revenue) as net_revenue
    from {{ ref('release_ledger') }}
    group by date_day, territory_id
)

select
    'outcome is ' || coalesce(cast(outcome.net_revenue as varchar), 'missing')
    || ' and the ledger ' || cast(coalesce(ledger.net_revenue, 0) as varchar) as reason,
    coalesce(outcome.date_day, ledger.date_day) as date_day,
    coalesce(outcome.territory_id, ledger.territory_id) as territory_id
from outcome
full join ledger
    on outcome.date_day = ledger.date_day
    and outcome.territory_id = ledger.territory_id
where
    outcome.net_revenue is null
    or outcome.net_revenue <> coalesce(ledger.net_revenue, 0)
order by date_day, territory_id
