{{ config(materialized='view') }}
with

incentive_plans as (
    select * from {{ source('raw', 'incentive_plans') }}
),

final as (
    select
        plan_id,
        plan_name,
        seller_kind,
        product_id,
        starts_on,
        ends_on,
        basis,
        from_attainment_pct,
        rate_pct,
        amount,
        cap,
        currency_code,
        _source,
        _file_hash,
        _row_number
    from incentive_plans
)

select * from final
