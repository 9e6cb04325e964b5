-- The spend that a return is computed on is the spend of the release, for the kinds of driver that
-- attribution credits (setting mix_kinds).
with

summary as (
    select
        kind,
        driver,
        coalesce(spend, 0) as spend
    from {{ ref('attr_summary') }}
    where
        kind in (
            'media', 'organic', 'promotion', 'price', 'publicity', 'seller', 'agency'
        )
),

drivers as (
    select
        kind,
        driver,
        sum(spend) as spend
    from {{ source('release', 'drivers') }}
    where kind in (select summary.kind from summary)
    group by kind, driver
)

select
    'the summary holds spend of ' || coalesce(cast(summary.spend as varchar), 'no such line')
    || ' and the release ' || coalesce(cast(drivers.spend as varchar), 'no such driver') as reason,
    coalesce(summary.kind, drivers.kind) as kind,
    coalesce(summary.driver, drivers.driver) as driver
from summary
full join drivers
    on summary.kind = drivers.kind
    and summary.driver = drivers.driver
where summary.spend is distinct from drivers.spend
order by kind, driver
