{{ config(
    materialized='partitioned',
    meta={'partitions': {'after': 'stg_raw__touchpoints'}}
) }}
-- Touches that stand more than once on their day: none, in a lake that is well. A table of its own,
-- so that a day that was not rebuilt stays accused until it is put right.
with

-- Hashes first: ids are read of those days and hashes only that meet twice.
twice as (
    select
        date_day,
        hash(touchpoint_id) as id_hash
    from {{ ref('stg_raw__touchpoints') }}
    group by date_day, id_hash
    having count(*) > 1
),

final as (
    select
        touchpoints.date_day,
        touchpoints.touchpoint_id,
        count(*) as rows_found,
        min(touchpoints._source) as first_source,
        max(touchpoints._source) as last_source
    from {{ ref('stg_raw__touchpoints') }} as touchpoints
    inner join twice
        on touchpoints.date_day = twice.date_day
        and hash(touchpoints.touchpoint_id) = twice.id_hash
    group by touchpoints.date_day, touchpoints.touchpoint_id
    having count(*) > 1
)

select * from final
