with

sales as (
    select * from {{ ref('int_sales__daily') }}
),

ad_spend as (
    select * from {{ ref('stg_raw__ad_spend') }}
),

weekly_starts as (
    select date_day from sales
    where grain = 'week'
    union all
    select date_day from ad_spend
    where grain = 'week'
),

grains as (
    select
        case when count(*) > 0 then 'week' else 'day' end as grain,
        -- 1 is Monday. All weekly rows start on one weekday, or a test of staging has failed.
        coalesce(min(isodow(date_day)), 1) as week_starts_on
    from weekly_starts
),

sale_dates as (
    select
        min(date_day) as first_sale,
        max(date_day) as last_sale
    from sales
    where booked_by = 'company'
),

final as (
    select
        grains.grain,
        grains.week_starts_on,
        {{ reporting_currency() }} as currency_code,
        {{ days_of('grains.grain') }} as days_in_period,
        {{ period_start('sale_dates.first_sale', 'grains') }} as first_day,
        {{ period_start('sale_dates.last_sale', 'grains') }} as last_day
    from grains
    cross join sale_dates
)

select * from final
