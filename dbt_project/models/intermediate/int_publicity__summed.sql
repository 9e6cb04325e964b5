with

publicity as (
    select * from {{ ref('stg_raw__publicity') }}
),

spine as (
    select * from {{ ref('int_calendar__spined') }}
),

-- An event dated by the week is spread over its seven days, so that it also fits a daily lake
-- and a lake whose weeks start on another weekday.
placed as (
    select
        spine.date_day,
        publicity.territory_id,
        publicity.kind,
        publicity.reach,
        publicity.mentions,
        {{ days_of('publicity.grain') }} as days,
        {{ even_part(
            'publicity.cost',
            '(spine.calendar_day - publicity.date_day + 1)',
            days_of('publicity.grain')
        ) }} as cost
    from publicity
    inner join spine
        on publicity.date_day <= spine.calendar_day
        and spine.calendar_day < publicity.date_day + {{ days_of('publicity.grain') }}
),

units as (
    select
        kind,
        case
            when count(*) = count(reach) and sum(reach) > 0 then 'reach'
            when count(*) = count(mentions) and sum(mentions) > 0 then 'mentions'
            else 'events'
        end as measured_by
    from placed
    group by kind
),

final as (
    select
        placed.date_day,
        placed.territory_id,
        'publicity' as kind,
        placed.kind as driver,
        -- An event without figures counts as one mention.
        case units.measured_by when 'reach' then 'reach' else 'mentions' end as exposure_unit,
        case units.measured_by
            when 'reach' then {{ exact_sum('placed.reach / placed.days') }}
            when 'mentions' then {{ exact_sum('placed.mentions / placed.days') }}
            else {{ exact_sum('1.0 / placed.days') }}
        end as exposure,
        cast(sum(placed.cost) as decimal(18, 2)) as spend
    from placed
    inner join units
        on placed.kind = units.kind
    group by placed.date_day, placed.territory_id, placed.kind, units.measured_by
)

select * from final
