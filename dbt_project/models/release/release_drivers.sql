with

spine as (
    select distinct date_day from {{ ref('int_calendar__spined') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
    where depth = 0
),

drivers as (
    select * from {{ ref('int_drivers__split') }}
),

seen as (
    select distinct
        kind,
        driver,
        exposure_unit
    from drivers
),

prices as (
    select * from {{ ref('int_prices__indexed') }}
),

filled as (
    select
        spine.date_day,
        leaves.leaf_id as territory_id,
        seen.kind,
        seen.driver,
        coalesce(drivers.exposure, 0) as exposure,
        seen.exposure_unit,
        cast(coalesce(drivers.spend, 0) as decimal(18, 2)) as spend
    from spine
    cross join leaves
    cross join seen
    left join drivers
        on spine.date_day = drivers.date_day
        and leaves.leaf_id = drivers.territory_id
        and seen.kind = drivers.kind
        and seen.driver = drivers.driver
),

final as (
    select * from filled
    union all by name
    select
        date_day,
        territory_id,
        'price' as kind,
        'list_price' as driver,
        price_index as exposure,
        'price' as exposure_unit,
        cast(0 as decimal(18, 2)) as spend
    from prices
)

select * from final
