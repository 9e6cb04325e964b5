with

ad_spend as (
    select * from {{ ref('int_ad_spend__summed') }}
),

promotions as (
    select * from {{ ref('int_promotions__spread') }}
),

publicity as (
    select * from {{ ref('int_publicity__summed') }}
),

activity as (
    select * from {{ ref('int_activity__summed') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
),

cells as (
    select * from ad_spend
    union all by name
    select * from promotions
    union all by name
    select * from publicity
    union all by name
    select * from activity
),

shares as (
    select
        cells.date_day,
        cells.territory_id,
        cells.kind,
        cells.driver,
        cells.exposure_unit,
        leaves.leaf_id,
        leaves.is_largest,
        cells.spend as cell_spend,
        -- Ads, reach, mentions and calls divide over the people of a country; a discount does not.
        case cells.exposure_unit
            when 'depth' then cells.exposure
            else cells.exposure * leaves.share
        end as exposure,
        {{ weighted_part('cells.spend', 'leaves.weight', 'leaves.total_weight') }} as spend
    from cells
    inner join leaves
        on cells.territory_id = leaves.territory_id
),

settled as (
    select
        date_day,
        leaf_id,
        kind,
        driver,
        exposure_unit,
        exposure,
        {{ settled_part(
            'spend', 'cell_spend', ['date_day', 'territory_id', 'kind', 'driver']
        ) }} as spend
    from shares
),

final as (
    select
        date_day,
        leaf_id as territory_id,
        kind,
        driver,
        exposure_unit,
        {{ exact_sum('exposure') }} as exposure,
        cast(sum(spend) as decimal(18, 2)) as spend
    from settled
    group by date_day, leaf_id, kind, driver, exposure_unit
)

select * from final
