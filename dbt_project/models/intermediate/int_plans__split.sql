with

plans as (
    select * from {{ ref('stg_raw__plans') }}
),

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

drivers as (
    select * from {{ ref('int_drivers__split') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
),

-- A plan often gives money only; the exposure it buys is then priced as history was.
history as (
    select
        kind,
        driver,
        {{ exact_sum('exposure') }} / nullif(cast(sum(spend) as double), 0) as exposure_per_spend
    from drivers
    group by kind, driver
),

measured as (
    select
        plans.* exclude (exposure),
        coalesce(
            plans.exposure,
            case
                when plans.kind = 'promotion' then 1
                else cast(plans.spend as double) * coalesce(history.exposure_per_spend, 1)
            end
        ) as exposure
    from plans
    left join history
        on plans.kind = history.kind
        and plans.driver = history.driver
),

repeated as (
    select
        *,
        {{ days_of('grain') }} as days,
        cast(unnest(range(1, {{ days_of('grain') }} + 1)) as integer) as day_number
    from measured
),

numbered as (
    select
        *,
        date_day + day_number - 1 as calendar_day
    from repeated
),

-- Day by day, then back to periods: a plan's weeks may start on another weekday than the ledger's.
placed as (
    select
        {{ period_start('numbered.calendar_day', 'bounds') }} as date_day,
        numbered.territory_id,
        numbered.kind,
        numbered.driver,
        numbered.product_id,
        -- Ads of a week divide over its days; a discount holds on each, and a week has their mean.
        numbered.exposure
        / case numbered.kind when 'promotion' then bounds.days_in_period else numbered.days end
            as exposure,
        {{ even_part('numbered.spend', 'numbered.day_number', 'numbered.days') }} as spend
    from numbered
    cross join bounds
),

cells as (
    select
        placed.date_day,
        placed.territory_id,
        placed.kind,
        placed.driver,
        placed.product_id,
        {{ exact_sum('placed.exposure') }} as exposure,
        cast(sum(placed.spend) as decimal(18, 2)) as spend
    from placed
    inner join bounds
        on placed.date_day > bounds.last_day
    group by
        placed.date_day,
        placed.territory_id,
        placed.kind,
        placed.driver,
        placed.product_id
),

shares as (
    select
        cells.date_day,
        cells.territory_id,
        cells.kind,
        cells.driver,
        cells.product_id,
        leaves.leaf_id,
        leaves.is_largest,
        cells.spend as cell_spend,
        case cells.kind
            when 'promotion' then cells.exposure
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
        product_id,
        exposure,
        {{ settled_part(
            'spend', 'cell_spend', ['date_day', 'territory_id', 'kind', 'driver', 'product_id']
        ) }} as spend
    from shares
),

final as (
    select
        date_day,
        leaf_id as territory_id,
        kind,
        driver,
        product_id,
        {{ exact_sum('exposure') }} as exposure,
        cast(sum(spend) as decimal(18, 2)) as spend
    from settled
    group by date_day, leaf_id, kind, driver, product_id
)

select * from final
