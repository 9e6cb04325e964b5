{{ config(severity='warn') }}
-- Missing values of a control that is a level are carried from the date before.
with

controls as (
    select * from {{ ref('stg_raw__controls') }}
),

released as (
    select * from {{ ref('release_controls') }}
),

inherited as (
    select * from {{ ref('int_controls__inherited') }}
),

levels as (
    select control
    from controls
    group by control
    having not bool_and(value in (0, 1))
)

select
    count(*) || ' of the control''s values are missing and were carried from the nearest date'
        as reason,
    released.control,
    released.territory_id,
    min(released.date_day) as first_missing
from released
inner join levels
    on released.control = levels.control
left join inherited
    on released.date_day = inherited.date_day
    and released.territory_id = inherited.territory_id
    and released.control = inherited.control
where inherited.control is null
group by released.control, released.territory_id
order by released.control, released.territory_id
