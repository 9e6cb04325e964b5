{{ config(materialized='view') }}
with

sales as (
    select * from {{ ref('stg_raw__sales') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

sellers as (
    select * from {{ ref('dim_sellers') }}
),

final as (
    select
        sales.order_id,
        sales.line_number,
        sales.date_day,
        sales.grain,
        sales.product_id,
        products.product_key,
        sales.territory_id,
        territories.territory_key,
        sales.rep_id as seller_id,
        sellers.seller_key,
        sales.agency_id,
        sales.customer_id,
        sales.customer_kind,
        sales.sales_channel,
        sales.sales_level,
        sales.campaign_id,
        sales.promotion_id,
        sales.opportunity_id,
        sales.booked_by,
        sales.units,
        sales.net_revenue,
        sales.cost,
        cast(sales.net_revenue - sales.cost as decimal(18, 2)) as margin,
        sales.net_revenue_constant,
        cast(sales.net_revenue_constant - sales.cost_constant as decimal(18, 2))
            as margin_constant,
        sales.landed_net_revenue,
        sales.landed_currency,
        {{ reporting_currency() }} as currency_code,
        sales._source as source_name
    from sales
    {{ version_join('products', 'product_id', 'sales.product_id', 'sales.date_day') }}
    {{ version_join('territories', 'territory_id', 'sales.territory_id', 'sales.date_day') }}
    {{ version_join('sellers', 'seller_id', 'sales.rep_id', 'sales.date_day') }}
)

select * from final
