-- Planned spend after the last sale, by kind, equals the part of the plans that lies there.
with

plans as (
    select * from {{ ref('stg_raw__plans') }}
),

planned as (
    select * from {{ ref('release_plan') }}
),

bounds as (
    select
        *,
        last_day + days_in_period - 1 as last_calendar_day
    from {{ ref('int_calendar__bounded') }}
),

clipped as (
    select
        plans.kind,
        cast(plans.spend * 100 as hugeint) as cents,
        {{ days_of('plans.grain') }} as days,
        least(
            greatest(bounds.last_calendar_day - plans.date_day + 1, 0), {{ days_of('plans.grain') }}
        ) as days_gone
    from plans
    cross join bounds
),

staged as (
    select
        kind,
        sum(cents - cents * days_gone // days) * 0.01 as spend
    from clipped
    group by kind
),

released as (
    select
        kind,
        sum(spend) as spend
    from planned
    group by kind
)

select
    'the release plans ' || cast(coalesce(released.spend, 0) as varchar)
    || ' and the landed plans ' || cast(coalesce(staged.spend, 0) as varchar) as reason,
    coalesce(staged.kind, released.kind) as kind,
    {{ reporting_currency() }} as currency_code
from staged
full join released
    on staged.kind = released.kind
where coalesce(staged.spend, 0) <> coalesce(released.spend, 0)
order by kind
