{{ config(
    materialized='partitioned',
    meta={'partitions': {'after': 'stg_raw__sales'}}
) }}
with

sales as (
    select * from {{ ref('stg_raw__sales') }}
),

final as (
    select
        date_day,
        _source,
        {{ named_set(['territory_id', 'product_id', 'campaign_id', 'promotion_id', 'rep_id']) }}
            as named_by,
        coalesce(territory_id, product_id, campaign_id, promotion_id, rep_id) as named_id,
        count(*) as lines,
        min(_row_number) as first_row_number
    from sales
    group by {{ grouping_sets(
        ['date_day', '_source'],
        ['territory_id', 'product_id', 'campaign_id', 'promotion_id', 'rep_id']
    ) }}
    having coalesce(territory_id, product_id, campaign_id, promotion_id, rep_id) is not null
)

select * from final
