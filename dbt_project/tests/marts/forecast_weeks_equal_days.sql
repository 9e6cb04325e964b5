{{ config(severity='warn') }}
-- A daily forecast shown by week is the same forecast, and so is the whole of it.
with

volume as (
    select * from {{ ref('fcst_volume') }}
    where level = 'total'
),

summed as (
    select
        measure,
        sum(mean) filter (where period = 'day') as days,
        sum(mean) filter (where period = 'week') as weeks,
        sum(mean) filter (where period = 'horizon') as horizon
    from volume
    group by measure
)

select
    'the days sum to ' || coalesce(cast(days as varchar), '(none)') || ', the weeks to '
    || cast(weeks as varchar) || ', and the horizon is ' || cast(horizon as varchar) as reason,
    measure
from summed
-- A weekly lake has no days.
where days <> weeks or horizon <> weeks
order by measure
