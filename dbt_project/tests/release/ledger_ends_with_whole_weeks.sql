{{ config(severity='warn') }}
-- Daily sales in a weekly lake: a first or last week with days missing looks like a fall in sales.
with

sales as (
    select * from {{ ref('int_sales__daily') }}
    where booked_by = 'company'
),

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

covered as (
    select
        min(date_day) as first_sale,
        max(date_day + {{ days_of('grain') }} - 1) as last_sale
    from sales
)

select
    'daily sales run from ' || cast(covered.first_sale as varchar) || ' to '
    || cast(covered.last_sale as varchar) || ', so the first or last week is not whole' as reason,
    bounds.first_day,
    bounds.last_day
from covered
cross join bounds
where
    bounds.grain = 'week'
    and (
        covered.first_sale > bounds.first_day
        or covered.last_sale < bounds.last_day + 6
    )
