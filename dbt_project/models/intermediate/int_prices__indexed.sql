-- List prices relative to their own norm. Discounts are no part of it: promotions are drivers of
-- their own, and would count twice. What is sold where and to whom keeps its own norm, so that a
-- shift between products, channels or currencies moves nothing.
with

sales as (
    select * from {{ ref('int_sales__daily') }}
    where booked_by = 'company' and priced_units > 0
),

spine as (
    select * from {{ ref('int_calendar__spined') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
    where depth = 0
),

dates as (
    select distinct date_day from spine
),

priced as (
    select
        spine.date_day,
        sales.territory_id,
        sales.product_id,
        sales.sales_channel,
        sales.sales_level,
        sales.customer_kind,
        sales.landed_currency,
        ln(cast(sum(sales.landed_priced_value) as double) / {{ exact_sum('sales.priced_units') }})
            as log_price,
        sum(sales.net_revenue) as net_revenue
    from sales
    inner join spine
        on sales.date_day = spine.calendar_day
    group by all
),

items as (
    select
        territory_id,
        product_id,
        sales_channel,
        sales_level,
        customer_kind,
        landed_currency,
        {{ exact_sum('log_price') }} / count(*) as norm,
        cast(greatest(sum(net_revenue), 0) as double) as weight
    from priced
    group by all
),

moved as (
    select
        priced.date_day,
        priced.territory_id,
        {{ exact_sum('items.weight * (priced.log_price - items.norm)') }}
        / nullif({{ exact_sum('items.weight') }}, 0) as log_index
    from priced
    inner join items
        on priced.territory_id = items.territory_id
        and priced.product_id = items.product_id
        and priced.sales_channel = items.sales_channel
        and priced.sales_level = items.sales_level
        and priced.customer_kind = items.customer_kind
        and priced.landed_currency = items.landed_currency
    group by priced.date_day, priced.territory_id
),

gridded as (
    select
        dates.date_day,
        leaves.leaf_id as territory_id,
        moved.log_index
    from dates
    cross join leaves
    left join moved
        on dates.date_day = moved.date_day
        and leaves.leaf_id = moved.territory_id
    where (select count(*) from priced) > 0
),

-- A price stays until it is seen again; before it was seen it was what it was then.
carried as (
    select
        *,
        last_value(log_index ignore nulls) over (
            partition by territory_id order by date_day
            rows between unbounded preceding and current row
        ) as last_known,
        first_value(log_index ignore nulls) over (
            partition by territory_id order by date_day
            rows between current row and unbounded following
        ) as next_known
    from gridded
),

final as (
    select
        date_day,
        territory_id,
        round(exp(coalesce(last_known, next_known, 0)), 9) as price_index
    from carried
)

select * from final
