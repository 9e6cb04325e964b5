{{ config(
    materialized='partitioned',
    meta={'partitions': {'after': 'stg_raw__sales'}}
) }}
with

sales as (
    select * from {{ ref('stg_raw__sales') }}
),

final as (
    select
        date_day,
        grain,
        territory_id,
        product_id,
        sales_channel,
        sales_level,
        customer_kind,
        booked_by,
        landed_currency,
        count(*) as lines,
        -- One currency on one day has one rate.
        any_value(fx_rate) as fx_rate,
        cast(sum(net_revenue) as decimal(18, 2)) as net_revenue,
        cast(sum(cost) as decimal(18, 2)) as cost,
        cast(sum(net_revenue_constant) as decimal(18, 2)) as net_revenue_constant,
        cast(sum(landed_net_revenue) as decimal(38, 6)) as landed_net_revenue,
        cast(sum(landed_cost) as decimal(38, 6)) as landed_cost,
        {{ exact_sum('units') }} as units,
        -- What the lines with a list price would have brought at it, and what they did bring.
        sum(cast(list_price * units as decimal(18, 6))) as landed_list_value,
        sum(landed_net_revenue) filter (where list_price * units is not null)
            as landed_listed_revenue,
        -- Units that went out, and what they would have brought at list price: no returns.
        {{ exact_sum('case when units > 0 and list_price > 0 then units end') }} as priced_units,
        sum(cast(list_price * units as decimal(18, 6))) filter (where units > 0 and list_price > 0)
            as landed_priced_value
    from sales
    group by
        date_day,
        grain,
        territory_id,
        product_id,
        sales_channel,
        sales_level,
        customer_kind,
        booked_by,
        landed_currency
)

select * from final
