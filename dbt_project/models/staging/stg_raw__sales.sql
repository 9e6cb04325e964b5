{{ config(
    materialized='watched',
    meta={'partitions': {'of': 'sales', 'rates': true}}
) }}
with

sales as (
    select * from {{ source('raw', 'sales') }}
),

{{ priced('sales') }},

costed as (
    select
        *,
        -- Cost of the line; units carry no cents, so the product is cut back to landed precision.
        cast(unit_cost * units as decimal(18, 6)) as landed_cost
    from priced
),

final as (
    select
        order_id,
        line_number,
        date_day,
        grain,
        product_id,
        territory_id,
        sales_channel,
        sales_level,
        customer_kind,
        customer_id,
        rep_id,
        agency_id,
        campaign_id,
        promotion_id,
        opportunity_id,
        -- Empty is company: a ledger that knows no partners has no such column.
        coalesce(booked_by, 'company') as booked_by,
        units,
        list_price,
        discount,
        {{ in_reporting_currency('net_revenue', 'fx_rate') }} as net_revenue,
        {{ in_reporting_currency('landed_cost', 'fx_rate') }} as cost,
        {{ in_reporting_currency('net_revenue', 'constant_rate') }} as net_revenue_constant,
        {{ in_reporting_currency('landed_cost', 'constant_rate') }} as cost_constant,
        net_revenue as landed_net_revenue,
        landed_cost,
        currency_code as landed_currency,
        fx_rate,
        sold_at,
        time_zone,
        _source,
        _file_hash,
        _row_number
    from costed
)

select * from final
