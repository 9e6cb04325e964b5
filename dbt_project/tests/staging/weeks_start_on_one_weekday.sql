-- Weeks that start on different weekdays overlap, and no calendar holds both.
with

sales as (
    select
        *,
        null as _source
    from {{ ref('int_sales__daily') }}
),

ad_spend as (
    select * from {{ ref('stg_raw__ad_spend') }}
),

weekly_rows as (
    select
        'sales' as table_name,
        _source,
        date_day
    from sales
    where grain = 'week'
    union all
    select
        'ad_spend' as table_name,
        _source,
        date_day
    from ad_spend
    where grain = 'week'
),

weekdays as (
    select
        dayname(date_day) as weekday,
        table_name,
        _source,
        min(date_day) as first_date,
        count(*) as rows_found
    from weekly_rows
    group by all
)

select
    'weekly rows start on ' || weekday || ' here and on another weekday elsewhere; '
    || 'date all weekly rows on one weekday' as reason,
    table_name,
    _source as source,
    weekday,
    first_date,
    rows_found
from weekdays
where (select count(distinct counted.weekday) from weekdays as counted) > 1
order by table_name, source, weekday
