with

promotions as (
    select * from {{ ref('stg_raw__promotions') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

days as (
    select
        promotions.*,
        cast(
            unnest(
                generate_series(promotions.starts_on, promotions.ends_on, interval 1 day)
            ) as date
        ) as date_day
    from promotions
),

counted as (
    select
        *,
        date_day - starts_on + 1 as day_number,
        ends_on - starts_on + 1 as days
    from days
),

spread as (
    select
        *,
        {{ even_part('cost', 'day_number', 'days') }} as day_cost,
        {{ even_part('cost_constant', 'day_number', 'days') }} as day_cost_constant,
        {{ even_part_landed('landed_cost', 'day_number', 'days') }} as day_landed_cost
    from counted
),

final as (
    select
        spread.date_day,
        spread.promotion_id,
        spread.promotion_name,
        spread.campaign_id,
        spread.kind,
        spread.product_id,
        products.product_key,
        spread.territory_id,
        territories.territory_key,
        spread.sales_level,
        spread.starts_on,
        spread.ends_on,
        spread.discount_pct,
        spread.depth,
        spread.day_cost as cost,
        cast(
            round(
                spread.day_cost * cast(coalesce(spread.vendor_share, 0) as decimal(9, 6)), 2
            ) as decimal(18, 2)
        ) as vendor_cost,
        spread.day_cost_constant as cost_constant,
        spread.day_landed_cost as landed_cost,
        spread.landed_currency,
        {{ reporting_currency() }} as currency_code
    from spread
    {{ version_join('territories', 'territory_id', 'spread.territory_id', 'spread.date_day') }}
    {{ version_join('products', 'product_id', 'spread.product_id', 'spread.date_day') }}
)

select * from final
