with

bridge as (
    select * from {{ source('versions', 'bridge') }}
),

final as (
    select
        version,
        old_version,
        step_number,
        step,
        period,
        territory_id,
        product_id,
        measure,
        amount,
        currency_code
    from bridge
)

select * from final
