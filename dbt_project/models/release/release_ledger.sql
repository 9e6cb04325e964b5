with

sales as (
    -- What partners say they sold on is no revenue of the company.
    select * from {{ ref('int_sales__daily') }}
    where booked_by = 'company'
),

spine as (
    select * from {{ ref('int_calendar__spined') }}
),

final as (
    select
        spine.date_day,
        sales.territory_id,
        sales.product_id,
        sales.sales_channel,
        cast(sum(sales.net_revenue) as decimal(18, 2)) as net_revenue,
        {{ exact_sum('sales.units') }} as units,
        cast(sum(sales.cost) as decimal(18, 2)) as unit_cost
    from sales
    inner join spine
        on sales.date_day = spine.calendar_day
    group by spine.date_day, sales.territory_id, sales.product_id, sales.sales_channel
)

select * from final
