{{ config(materialized='view') }}
with

budgets as (
    select * from {{ source('raw', 'budgets') }}
),

final as (
    select
        budget_id,
        kind,
        channel,
        territory_id,
        product_id,
        seller_id,
        starts_on,
        ends_on,
        units,
        amount,
        currency_code,
        _source,
        _file_hash,
        _row_number
    from budgets
)

select * from final
