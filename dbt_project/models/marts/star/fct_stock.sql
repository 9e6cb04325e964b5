with

sales as (
    select * from {{ ref('int_sales__daily') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

moved as (
    select
        date_day,
        territory_id,
        product_id,
        {{ exact_sum("case when booked_by = 'company' then units else 0 end") }} as sell_in_units,
        {{ exact_sum("case when booked_by = 'partner' then units else 0 end") }} as sell_out_units,
        cast(coalesce(sum(net_revenue) filter (where booked_by = 'company'), 0) as decimal(18, 2))
            as sell_in_revenue,
        cast(coalesce(sum(net_revenue) filter (where booked_by = 'partner'), 0) as decimal(18, 2))
            as sell_out_revenue
    from sales
    where
        booked_by = 'partner'
        or (customer_kind = 'B2B' and sales_level in ('factory', 'distributor'))
    group by date_day, territory_id, product_id
),

-- Of a product that no partner reports on, the stock is not known.
reported as (
    select
        territory_id,
        product_id
    from moved
    group by territory_id, product_id
    having count(*) filter (where sell_out_units <> 0 or sell_out_revenue <> 0) > 0
),

running as (
    select
        moved.*,
        cast(
            sum(
                cast(
                    coalesce(moved.sell_in_units, 0) - coalesce(moved.sell_out_units, 0)
                    as decimal(38, 9)
                )
            ) over (
                partition by moved.territory_id, moved.product_id
                order by moved.date_day
                rows between unbounded preceding and current row
            ) as double
        ) as stock_units
    from moved
    inner join reported
        on moved.territory_id = reported.territory_id
        and moved.product_id = reported.product_id
),

final as (
    select
        running.date_day,
        running.territory_id,
        territories.territory_key,
        running.product_id,
        products.product_key,
        coalesce(running.sell_in_units, 0) as sell_in_units,
        coalesce(running.sell_out_units, 0) as sell_out_units,
        running.stock_units,
        running.sell_in_revenue,
        running.sell_out_revenue,
        {{ reporting_currency() }} as currency_code
    from running
    {{ version_join('territories', 'territory_id', 'running.territory_id', 'running.date_day') }}
    {{ version_join('products', 'product_id', 'running.product_id', 'running.date_day') }}
)

select * from final
