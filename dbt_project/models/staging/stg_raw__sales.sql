with

sales as (
    select * from {{ source('raw', 'sales') }}
),

fx_rates as (
    select * from {{ ref('stg_raw__fx_rates') }}
),

rates as (
    {{ average_rates('fx_rates') }}
),

priced as (
    select
        sales.*,
        {{ fx_rate('sales.currency_code', 'rates.fx_rate') }} as fx_rate,
        -- Cost of the line; units carry no cents, so the product is cut back to landed precision.
        cast(sales.unit_cost * sales.units as decimal(18, 6)) as landed_cost
    from sales
    asof left join rates
        on sales.currency_code = rates.from_currency
        and sales.date_day >= rates.rate_day
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
        units,
        {{ in_reporting_currency('net_revenue', 'fx_rate') }} as net_revenue,
        {{ in_reporting_currency('landed_cost', 'fx_rate') }} as cost,
        net_revenue as landed_net_revenue,
        landed_cost,
        currency_code as landed_currency,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
