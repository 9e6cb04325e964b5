-- The panel's revenue is the ledger's, in every territory, to the cent.
with

panel as (
    select
        territory_id,
        round(sum(amount), 2) as net_revenue
    from {{ ref('mix_panel') }}
    where kind = 'outcome' and driver = 'net_revenue'
    group by territory_id
),

outcome as (
    select
        territory_id,
        cast(sum(net_revenue) as double) as net_revenue
    from {{ ref('release_outcome') }}
    group by territory_id
)

select
    'the panel holds ' || cast(coalesce(panel.net_revenue, 0) as varchar)
    || ' and the outcome ' || cast(outcome.net_revenue as varchar) as reason,
    outcome.territory_id,
    {{ reporting_currency() }} as currency_code
from outcome
left join panel
    on outcome.territory_id = panel.territory_id
where abs(coalesce(panel.net_revenue, 0) - outcome.net_revenue) >= 0.005
order by outcome.territory_id
