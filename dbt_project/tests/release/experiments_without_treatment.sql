{{ config(severity='warn') }}
-- An experiment with no treated territory is no read-out and leaves the release.
select
    'experiment ' || experiment_id || ' has no treated territory and is left out; land arm treated '
    || 'for one at least' as reason,
    experiment_id,
    min(_source) as first_source,
    min(_row_number) as first_row_number
from {{ ref('stg_raw__experiments') }}
group by experiment_id
having count(*) filter (where arm = 'treated') = 0
order by experiment_id
