with

promotions as (
    select * from {{ ref('stg_raw__promotions') }}
),

spine as (
    select * from {{ ref('int_calendar__spined') }}
),

last_period as (
    select max(date_day) as last_day from spine
),

running as (
    select
        spine.date_day,
        spine.days_in_period,
        promotions.territory_id,
        promotions.kind as driver,
        promotions.depth,
        case
            when promotions.cost = 0 then cast(0 as decimal(18, 2))
            else {{ even_part(
                'promotions.cost',
                '(spine.calendar_day - promotions.starts_on + 1)',
                '(' ~ promotion_end('promotions', 'last_period.last_day')
                ~ ' - promotions.starts_on + 1)'
            ) }}
        end as cost
    from promotions
    cross join last_period
    inner join spine
        on spine.calendar_day between promotions.starts_on and promotions.ends_on
),

final as (
    select
        date_day,
        territory_id,
        'promotion' as kind,
        driver,
        'depth' as exposure_unit,
        {{ exact_sum('depth / days_in_period') }} as exposure,
        cast(sum(cost) as decimal(18, 2)) as spend
    from running
    group by date_day, territory_id, driver
)

select * from final
