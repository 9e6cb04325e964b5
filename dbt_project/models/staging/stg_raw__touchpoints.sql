{{ config(
    materialized='watched',
    meta={'partitions': {'of': 'touchpoints'}}
) }}
with

touchpoints as (
    select * from {{ source('raw', 'touchpoints') }}
),

final as (
    select
        touchpoint_id,
        date_day,
        occurred_at,
        person_id,
        account_id,
        kind,
        channel,
        platform,
        campaign_id,
        territory_id,
        seller_id,
        _source
    from touchpoints
)

select * from final
