{{ config(materialized='view') }}
-- Touches and whose they are; those of nobody lead nowhere.
with

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
),

identified as (
    select * from {{ ref('int_journeys__identified') }}
),

named as (
    select * from {{ ref('int_journeys__named') }}
),

final as (
    select
        touchpoints.touchpoint_id,
        touchpoints.date_day,
        touchpoints.occurred_at,
        case
            when touchpoints.account_id is not null then 'account'
            else coalesce(identified.unit_kind, 'person')
        end as unit_kind,
        coalesce(touchpoints.account_id, identified.unit_id, touchpoints.person_id) as unit_id,
        touchpoints.person_id,
        touchpoints.kind as touch_kind,
        touchpoints.channel,
        touchpoints.platform,
        touchpoints.campaign_id,
        touchpoints.territory_id,
        touchpoints.seller_id,
        named.code,
        named.campaign,
        named.territory
    from touchpoints
    inner join named
        on touchpoints.channel = named.channel
        and touchpoints.campaign_id is not distinct from named.campaign_id
        and touchpoints.territory_id is not distinct from named.territory_id
    left join identified
        on touchpoints.person_id = identified.person_id
    where coalesce(touchpoints.account_id, touchpoints.person_id) is not null
)

select * from final
