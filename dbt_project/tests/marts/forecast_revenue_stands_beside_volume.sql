-- Each row of the volume has its net revenue: of the same units, or of the same money.
with

volume as (
    select * from {{ ref('fcst_volume') }}
),

revenue as (
    select * from {{ ref('fcst_revenue') }}
)

select
    'the volume is ' || coalesce(cast(volume.mean as varchar), 'missing')
    || ' and beside it stands '
    || coalesce(cast(revenue.units as varchar), cast(revenue.mean as varchar), 'nothing') as reason,
    coalesce(volume.period, revenue.period) as period,
    coalesce(volume.date_day, revenue.date_day) as date_day,
    coalesce(volume.level, revenue.level) as level,
    coalesce(volume.territory_id, revenue.territory_id) as territory_id,
    coalesce(volume.product_id, revenue.product_id) as product_id,
    coalesce(volume.sales_channel, revenue.sales_channel) as sales_channel
from volume
full join revenue
    on volume.period = revenue.period
    and volume.date_day = revenue.date_day
    and volume.level = revenue.level
    and volume.territory_id = revenue.territory_id
    and volume.product_id = revenue.product_id
    and volume.sales_channel = revenue.sales_channel
where volume.mean is distinct from if(volume.measure = 'units', revenue.units, revenue.mean)
order by period, date_day, level, territory_id, product_id, sales_channel
