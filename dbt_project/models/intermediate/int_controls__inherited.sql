with

controls as (
    select * from {{ ref('stg_raw__controls') }}
),

spine as (
    select * from {{ ref('int_calendar__spined') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
),

-- A weekly value holds on each of its seven days; a week's value is the mean over its days.
placed as (
    select
        spine.date_day,
        leaves.leaf_id as territory_id,
        leaves.depth,
        controls.control,
        {{ exact_sum('controls.value') }} / count(*) as value
    from controls
    inner join spine
        on controls.date_day <= spine.calendar_day
        and spine.calendar_day < controls.date_day + {{ days_of('controls.grain') }}
    inner join leaves
        on controls.territory_id = leaves.territory_id
    group by spine.date_day, leaves.leaf_id, leaves.depth, controls.control
),

-- A country's value holds in each of its regions, unless the region has its own.
final as (
    select
        date_day,
        territory_id,
        control,
        value
    from placed
    qualify
        row_number() over (
            partition by date_day, territory_id, control order by depth asc
        ) = 1
)

select * from final
