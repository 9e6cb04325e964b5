with

spine as (
    select distinct date_day from {{ ref('int_calendar__spined') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
    where depth = 0
),

controls as (
    select * from {{ ref('int_controls__inherited') }}
),

landed_controls as (
    select * from {{ ref('stg_raw__controls') }}
),

-- A control of only zeros and ones is a switch: a date nobody wrote down was off. Any other is a
-- level, and a level stays until it is measured again.
seen as (
    select
        control,
        bool_and(value in (0, 1)) as is_switch
    from landed_controls
    where control in (select controls.control from controls)
    group by control
),

gridded as (
    select
        spine.date_day,
        leaves.leaf_id as territory_id,
        seen.control,
        seen.is_switch,
        controls.value
    from spine
    cross join leaves
    cross join seen
    left join controls
        on spine.date_day = controls.date_day
        and leaves.leaf_id = controls.territory_id
        and seen.control = controls.control
),

carried as (
    select
        *,
        last_value(value ignore nulls) over (
            partition by territory_id, control order by date_day
            rows between unbounded preceding and current row
        ) as last_known,
        first_value(value ignore nulls) over (
            partition by territory_id, control order by date_day
            rows between current row and unbounded following
        ) as next_known
    from gridded
),

final as (
    select
        date_day,
        territory_id,
        control,
        case
            when is_switch then coalesce(value, 0)
            else coalesce(last_known, next_known, 0)
        end as value
    from carried
)

select * from final
