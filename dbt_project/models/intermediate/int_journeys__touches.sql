{{ config(materialized='view') }}
with

met as (
    select * from {{ ref('int_journeys__met') }}
),

contact_bots as (
    select * from {{ ref('int_journeys__contact_bots') }}
),

bots as (
    select * from {{ ref('int_journeys__bots') }}
),

final as (
    select
        met.touchpoint_id,
        met.date_day,
        met.occurred_at,
        met.unit_kind,
        met.unit_id,
        met.person_id,
        met.touch_kind,
        met.channel,
        met.platform,
        met.campaign_id,
        met.territory_id,
        met.seller_id,
        met.code,
        met.campaign,
        met.territory
    from met
    anti join bots
        on met.unit_kind = bots.unit_kind
        and met.unit_id = bots.unit_id
    anti join contact_bots
        on met.person_id = contact_bots.unit_id
)

select * from final
