{{ config(
    materialized='partitioned',
    meta={'partitions': {'after': 'stg_raw__touchpoints'}}
) }}
with

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
),

final as (
    select
        date_day,
        territory_id,
        channel,
        kind,
        seller_id,
        count(*) as touches
    from touchpoints
    group by date_day, territory_id, channel, kind, seller_id
)

select * from final
