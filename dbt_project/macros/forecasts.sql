{# Rows of a forecast (SQL, with a column measure) whose mean is not the sum of its series: totals of
   territories, products, channels and all. #}
{% macro unequal_totals(forecast) -%}
with

volume as (
    {{ forecast }}
),

series as (
    select * from volume
    where level = 'series'
),

summed as (
    select
        period,
        date_day,
        measure,
        'territory' as level,
        territory_id,
        'all' as product_id,
        'all' as sales_channel,
        sum(mean) as mean
    from series
    group by period, date_day, measure, territory_id
    union all
    select
        period,
        date_day,
        measure,
        'product' as level,
        'all' as territory_id,
        product_id,
        'all' as sales_channel,
        sum(mean) as mean
    from series
    group by period, date_day, measure, product_id
    union all
    select
        period,
        date_day,
        measure,
        'channel' as level,
        'all' as territory_id,
        'all' as product_id,
        sales_channel,
        sum(mean) as mean
    from series
    group by period, date_day, measure, sales_channel
    union all
    select
        period,
        date_day,
        measure,
        'total' as level,
        'all' as territory_id,
        'all' as product_id,
        'all' as sales_channel,
        sum(mean) as mean
    from series
    group by period, date_day, measure
),

totals as (
    select * from volume
    where level <> 'series'
)

select
    'the forecast is ' || coalesce(cast(totals.mean as varchar), 'missing')
    || ' and its parts sum to ' || coalesce(cast(summed.mean as varchar), 'nothing') as reason,
    coalesce(totals.period, summed.period) as period,
    coalesce(totals.date_day, summed.date_day) as date_day,
    coalesce(totals.level, summed.level) as level,
    coalesce(totals.territory_id, summed.territory_id) as territory_id,
    coalesce(totals.product_id, summed.product_id) as product_id,
    coalesce(totals.sales_channel, summed.sales_channel) as sales_channel,
    coalesce(totals.measure, summed.measure) as measure
from totals
full join summed
    on totals.period = summed.period
    and totals.date_day = summed.date_day
    and totals.level = summed.level
    and totals.territory_id = summed.territory_id
    and totals.product_id = summed.product_id
    and totals.sales_channel = summed.sales_channel
    and totals.measure = summed.measure
where totals.mean is distinct from summed.mean
order by period, date_day, level, territory_id, product_id, sales_channel, measure
{%- endmacro %}
