{{ config(severity='warn') }}
-- A daily forecast shown by week is the same forecast.
with

volume as (
    select * from {{ ref('fcst_volume') }}
    where level = 'total'
),

summed as (
    select
        measure,
        sum(mean) filter (where period = 'day') as days,
        sum(mean) filter (where period = 'week') as weeks
    from volume
    group by measure
)

select
    'the days sum to ' || cast(days as varchar) || ' and the weeks to ' || cast(weeks as varchar)
        as reason,
    measure
from summed
-- A weekly lake has no days, and nothing to compare.
where days <> weeks
order by measure
