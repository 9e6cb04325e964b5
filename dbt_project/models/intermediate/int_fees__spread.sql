-- Fees of outsourced sellers and prizes of contests, spread evenly over the days they are for.
with

agency_reports as (
    select
        'agency' as spend_kind,
        agency_id as platform,
        territory_id,
        starts_on,
        ends_on,
        fee as spend,
        fee_constant as spend_constant,
        landed_fee as landed_spend,
        landed_currency
    from {{ ref('stg_raw__agency_reports') }}
),

sales_contests as (
    select
        'trade' as spend_kind,
        'sales_contest' as platform,
        territory_id,
        starts_on,
        ends_on,
        prize_cost as spend,
        prize_cost_constant as spend_constant,
        landed_prize_cost as landed_spend,
        landed_currency
    from {{ ref('stg_raw__sales_contests') }}
),

costs as (
    select * from agency_reports
    union all
    select * from sales_contests
),

days as (
    select
        *,
        cast(unnest(generate_series(starts_on, ends_on, interval 1 day)) as date) as date_day
    from costs
),

counted as (
    select
        *,
        date_day - starts_on + 1 as day_number,
        ends_on - starts_on + 1 as days
    from days
),

final as (
    select
        date_day,
        spend_kind,
        platform,
        territory_id,
        landed_currency,
        {{ even_part('spend', 'day_number', 'days') }} as spend,
        {{ even_part('spend_constant', 'day_number', 'days') }} as spend_constant,
        {{ even_part_landed('landed_spend', 'day_number', 'days') }} as landed_spend
    from counted
)

select * from final
