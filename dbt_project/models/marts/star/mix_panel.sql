with

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
),

products as (
    select
        product_id,
        product_group
    from {{ ref('int_products__grouped') }}
),

sales as (
    select
        {{ panel_period('sales.date_day') }} as date_day,
        sales.territory_id,
        coalesce(products.product_group, 'all') as product_group,
        sales.net_revenue,
        sales.units,
        cast(sales.landed_list_value as double)
        * case
            when sales.landed_currency = bounds.currency_code then 1
            else cast(sales.fx_rate as double)
        end as list_value,
        cast(sales.landed_listed_revenue as double)
        * case
            when sales.landed_currency = bounds.currency_code then 1
            else cast(sales.fx_rate as double)
        end as listed_revenue
    from {{ ref('int_sales__daily') }} as sales
    cross join bounds
    left join products
        on sales.product_id = products.product_id
    where sales.booked_by = 'company'
),

sold as (
    select
        date_day,
        territory_id,
        product_group,
        cast(sum(net_revenue) as double) as net_revenue,
        {{ exact_sum('units') }} as units,
        {{ exact_sum('listed_revenue') }} / nullif({{ exact_sum('list_value') }}, 0) as price_index
    from sales
    group by date_day, territory_id, product_group
),

drivers as (
    select
        {{ panel_period('drivers.date_day') }} as date_day,
        drivers.territory_id,
        drivers.kind,
        drivers.driver,
        drivers.exposure_unit,
        {{ exact_sum('drivers.exposure') }} as exposure,
        cast(sum(drivers.spend) as double) as spend
    from {{ ref('release_drivers') }} as drivers
    cross join bounds
    -- Prices and activity stand in lines of their own below, by product group and kind of touch.
    where drivers.kind in ('media', 'organic', 'promotion', 'publicity')
    group by all
),

-- Promotions that run on the same days, summed before they are drawn out into days and leaves.
runs as (
    select
        promotions.territory_id,
        coalesce(products.product_group, 'all') as product_group,
        promotions.kind as driver,
        greatest(promotions.starts_on, bounds.first_day) as starts_on,
        least(promotions.ends_on, bounds.last_day + bounds.days_in_period - 1) as ends_on,
        sum(cast(promotions.depth as decimal(38, 12))) as depth
    from {{ ref('stg_raw__promotions') }} as promotions
    cross join bounds
    left join products
        on promotions.product_id = products.product_id
    where
        promotions.starts_on <= bounds.last_day + bounds.days_in_period - 1
        and promotions.ends_on >= bounds.first_day
    group by all
),

run_days as (
    select
        territory_id,
        product_group,
        driver,
        depth,
        cast(unnest(generate_series(starts_on, ends_on, interval 1 day)) as date) as date_day
    from runs
),

run_periods as (
    select
        {{ panel_period('run_days.date_day') }} as date_day,
        run_days.territory_id,
        run_days.product_group,
        run_days.driver,
        sum(run_days.depth) as depth_days
    from run_days
    cross join bounds
    group by all
),

-- Groups that were ever sold in a leaf, or promoted in this leaf alone: a discount of a parent
-- says nothing where the group is not on offer.
occurring as (
    select
        territory_id,
        product_group
    from sold
    union
    select
        runs.territory_id,
        runs.product_group
    from runs
    inner join leaves
        on runs.territory_id = leaves.territory_id
        and runs.territory_id = leaves.leaf_id
    union
    select
        leaf_id as territory_id,
        'all' as product_group
    from leaves
),

-- A discount at a parent holds in each leaf, as it is.
promotions as (
    select
        run_periods.date_day,
        leaves.leaf_id as territory_id,
        run_periods.product_group,
        run_periods.driver,
        {{ exact_sum('run_periods.depth_days') }} as depth_days
    from leaves
    inner join occurring
        on leaves.leaf_id = occurring.territory_id
    inner join run_periods
        on leaves.territory_id = run_periods.territory_id
        and occurring.product_group = run_periods.product_group
    group by all
),

seller_activity as (
    select
        {{ panel_period('touches.date_day') }} as date_day,
        leaves.leaf_id as territory_id,
        touches.kind as driver,
        {{ exact_sum('touches.touches * leaves.share') }} as amount
    from {{ ref('int_touchpoints__counted') }} as touches
    cross join bounds
    inner join leaves
        on touches.territory_id = leaves.territory_id
    where touches.kind in ('call', 'visit', 'store_visit', 'meeting')
    group by all
),

reported as (
    unpivot (
        select
            starts_on,
            ends_on,
            territory_id,
            calls,
            visits,
            meetings
        from {{ ref('stg_raw__agency_reports') }}
    )
    on calls, visits, meetings
    into name driver value amount
),

-- A report speaks for its whole period: each of its days has an even part.
reported_days as (
    select
        territory_id,
        driver,
        amount / (ends_on - starts_on + 1) as amount,
        cast(unnest(generate_series(starts_on, ends_on, interval 1 day)) as date) as date_day
    from reported
),

agency_activity as (
    select
        {{ panel_period('reported_days.date_day') }} as date_day,
        leaves.leaf_id as territory_id,
        reported_days.driver,
        {{ exact_sum('reported_days.amount * leaves.share') }} as amount
    from reported_days
    cross join bounds
    inner join leaves
        on reported_days.territory_id = leaves.territory_id
    group by all
),

controls as (
    select
        {{ panel_period('controls.date_day') }} as date_day,
        controls.territory_id,
        controls.control as driver,
        {{ exact_sum('controls.value') }} / count(*) as amount
    from {{ ref('release_controls') }} as controls
    cross join bounds
    group by all
),

holidays as (
    select
        {{ panel_period('holidays.date_day') }} as date_day,
        territories.territory_id,
        holidays.holiday as driver,
        cast(count(*) as double) as amount
    from {{ ref('release_holidays') }} as holidays
    cross join bounds
    inner join {{ ref('release_territories') }} as territories
        on holidays.country_code = territories.country_code
    group by all
),

lines as (
    select
        date_day,
        territory_id,
        product_group,
        'outcome' as kind,
        'net_revenue' as driver,
        net_revenue as amount,
        'currency_code' as unit
    from sold
    union all by name
    select
        date_day,
        territory_id,
        product_group,
        'outcome' as kind,
        'units' as driver,
        units as amount,
        'units' as unit
    from sold
    union all by name
    select
        date_day,
        territory_id,
        product_group,
        'price_index' as kind,
        'price_index' as driver,
        price_index as amount,
        'share of list price' as unit
    from sold
    union all by name
    select
        date_day,
        territory_id,
        kind || '_exposure' as kind,
        driver,
        exposure as amount,
        exposure_unit as unit
    from drivers
    where kind <> 'promotion' and exposure <> 0
    union all by name
    select
        date_day,
        territory_id,
        kind || '_spend' as kind,
        driver,
        spend as amount,
        'currency_code' as unit
    from drivers
    where spend <> 0
    union all by name
    select
        promotions.date_day,
        promotions.territory_id,
        promotions.product_group,
        'promotion_depth' as kind,
        promotions.driver,
        promotions.depth_days
        / case
            when '{{ var('mix_panel_grain') }}' = 'week' or bounds.grain = 'week' then 7
            else 1
        end as amount,
        'depth' as unit
    from promotions
    cross join bounds
    union all by name
    select
        *,
        'seller_activity' as kind,
        'touches' as unit
    from seller_activity
    union all by name
    select
        *,
        'agency_activity' as kind,
        'reported' as unit
    from agency_activity
    union all by name
    select
        *,
        'control' as kind,
        'control''s own' as unit
    from controls
    union all by name
    select
        *,
        'holiday' as kind,
        'days' as unit
    from holidays
),

final as (
    select
        lines.date_day,
        lines.territory_id,
        coalesce(lines.product_group, 'all') as product_group,
        lines.kind,
        lines.driver,
        lines.amount,
        lines.unit,
        bounds.currency_code
    from lines
    cross join bounds
    where
        lines.amount is not null
        and lines.date_day between {{ panel_period('bounds.first_day') }}
        and bounds.last_day
)

select * from final
