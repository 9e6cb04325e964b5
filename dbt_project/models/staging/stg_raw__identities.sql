{{ config(materialized='view') }}
with

identities as (
    select * from {{ source('raw', 'identities') }}
),

final as (
    select
        person_id,
        customer_id,
        account_id,
        merged_at,
        _source,
        _file_hash,
        _row_number
    from identities
)

select * from final
