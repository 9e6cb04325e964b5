{{ config(materialized='view') }}
with

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

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
        {{ promotion_end('promotions', 'bounds.last_day') }} - promotions.starts_on + 1 as days
    from promotions
    cross join bounds
    where promotions.ends_on >= promotions.starts_on
),

counted as (
    select
        *,
        cast(unnest(generate_series(1, days)) as integer) as day_number
    from days
),

spread as (
    select
        *,
        starts_on + day_number - 1 as date_day,
        -- Most promotions cost nothing but the discount, and dividing it is dear.
        case
            when cost = 0 then cast(0 as decimal(18, 2))
            else {{ even_part('cost', 'day_number', 'days') }}
        end as day_cost,
        case
            when cost_constant = 0 then cast(0 as decimal(18, 2))
            else {{ even_part('cost_constant', 'day_number', 'days') }}
        end as day_cost_constant,
        case
            when landed_cost = 0 then cast(0 as decimal(18, 6))
            else {{ even_part_landed('landed_cost', 'day_number', 'days') }}
        end as day_landed_cost
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
