-- Each converted line arrives in the release exactly once: by day, in a weekly lake in total.
with

sales as (
    select * from {{ ref('int_sales__daily') }}
    where booked_by = 'company'
),

ledger as (
    select * from {{ ref('release_ledger') }}
),

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

staged as (
    select
        case when bounds.grain = 'day' then sales.date_day end as date_day,
        sum(sales.net_revenue) as net_revenue
    from sales
    cross join bounds
    group by all
),

released as (
    select
        case when bounds.grain = 'day' then ledger.date_day end as date_day,
        sum(ledger.net_revenue) as net_revenue
    from ledger
    cross join bounds
    group by all
)

select
    'the release holds ' || cast(coalesce(released.net_revenue, 0) as varchar)
    || ' and staging ' || cast(coalesce(staged.net_revenue, 0) as varchar) as reason,
    coalesce(staged.date_day, released.date_day) as date_day,
    {{ reporting_currency() }} as currency_code
from staged
full join released
    on staged.date_day is not distinct from released.date_day
where coalesce(staged.net_revenue, 0) <> coalesce(released.net_revenue, 0)
order by date_day
