with

plans as (
    select * from {{ ref('int_plans__split') }}
),

final as (
    select
        date_day,
        territory_id,
        kind,
        driver,
        product_id,
        exposure,
        spend
    from plans
)

select * from final
