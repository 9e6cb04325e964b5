{{ config(
    materialized='partitioned',
    meta={'partitions': {'after': 'stg_raw__touchpoints'}}
) }}
-- Touches that stand more than once on their day: none, in a lake that is well. A table of its own,
-- so that a day that was not rebuilt stays accused until it is put right. Within one source and day
-- landing has seen to it that no key comes twice, so only days of several sources are looked at.
with

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
),

parts as (
    select distinct
        date_day,
        _source
    from touchpoints
),

shared_days as (
    select date_day
    from parts
    group by date_day
    having count(*) > 1
),

-- Hashes first: ids are read of those days and hashes only that meet twice.
twice as (
    select
        touchpoints.date_day,
        hash(touchpoints.touchpoint_id) as id_hash
    from touchpoints
    inner join shared_days
        on touchpoints.date_day = shared_days.date_day
    group by touchpoints.date_day, id_hash
    having count(*) > 1
),

final as (
    select
        touchpoints.date_day,
        touchpoints.touchpoint_id,
        count(*) as rows_found,
        min(touchpoints._source) as first_source,
        max(touchpoints._source) as last_source
    from touchpoints
    inner join twice
        on touchpoints.date_day = twice.date_day
        and hash(touchpoints.touchpoint_id) = twice.id_hash
    group by touchpoints.date_day, touchpoints.touchpoint_id
    having count(*) > 1
)

select * from final
