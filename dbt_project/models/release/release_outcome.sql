with

spine as (
    select distinct date_day from {{ ref('int_calendar__spined') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
    where depth = 0
),

ledger as (
    select * from {{ ref('release_ledger') }}
),

sold as (
    select
        date_day,
        territory_id,
        sum(net_revenue) as net_revenue,
        {{ exact_sum('units') }} as units
    from ledger
    group by date_day, territory_id
),

-- No units anywhere is unknown; units elsewhere make a cell without sales a zero.
counted as (
    select count(units) > 0 as has_units
    from ledger
),

final as (
    select
        spine.date_day,
        leaves.leaf_id as territory_id,
        cast(coalesce(sold.net_revenue, 0) as decimal(18, 2)) as net_revenue,
        case when counted.has_units then coalesce(sold.units, 0) end as units
    from spine
    cross join leaves
    cross join counted
    left join sold
        on spine.date_day = sold.date_day
        and leaves.leaf_id = sold.territory_id
)

select * from final
