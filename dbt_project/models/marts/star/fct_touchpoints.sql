{{ config(materialized='view') }}
with

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

sellers as (
    select * from {{ ref('dim_sellers') }}
),

final as (
    select
        touchpoints.touchpoint_id,
        touchpoints.date_day,
        touchpoints.occurred_at,
        touchpoints.person_id,
        touchpoints.account_id,
        touchpoints.kind,
        touchpoints.channel,
        touchpoints.platform,
        touchpoints.campaign_id,
        touchpoints.territory_id,
        territories.territory_key,
        touchpoints.seller_id,
        sellers.seller_key,
        touchpoints._source as source_name
    from touchpoints
    {{ version_join(
        'territories', 'territory_id', 'touchpoints.territory_id', 'touchpoints.date_day'
    ) }}
    {{ version_join('sellers', 'seller_id', 'touchpoints.seller_id', 'touchpoints.date_day') }}
)

select * from final
