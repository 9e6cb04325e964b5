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
        _source,
        {{ named_set(['territory_id', 'campaign_id', 'seller_id']) }} as named_by,
        coalesce(territory_id, campaign_id, seller_id) as named_id,
        count(*) as touches
    from touchpoints
    group by {{ grouping_sets(
        ['date_day', '_source'], ['territory_id', 'campaign_id', 'seller_id']
    ) }}
    having coalesce(territory_id, campaign_id, seller_id) is not null
)

select * from final
