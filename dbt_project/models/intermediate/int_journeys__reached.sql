with

touches as (
    select * from {{ ref('int_journeys__touches') }}
),

windows as (
    select * from {{ ref('int_journeys__windowed') }}
),

final as (
    {{ journeys_reached('touches', 'windows', [
        'touch_kind', 'channel', 'platform', 'campaign_id', 'territory_id', 'seller_id',
        'campaign', 'territory',
    ]) }}
)

select * from final
