{{ config(materialized='view') }}
with

quotas as (
    select * from {{ source('raw', 'quotas') }}
),

final as (
    select
        starts_on,
        ends_on,
        seller_id,
        territory_id,
        product_id,
        units,
        revenue,
        currency_code,
        _source,
        _file_hash,
        _row_number
    from quotas
)

select * from final
