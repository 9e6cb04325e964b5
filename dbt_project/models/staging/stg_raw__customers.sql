{{ config(materialized='view') }}
with

customers as (
    select * from {{ source('raw', 'customers') }}
),

final as (
    select
        customer_id,
        customer_kind,
        customer_name,
        parent_id,
        account_id,
        territory_id,
        segment,
        acquired_on,
        _source,
        _file_hash,
        _row_number
    from customers
)

select * from final
