with

products as (
    select * from {{ ref('stg_raw__products') }}
    where is_current
),

final as (
    select
        product_id,
        product_name,
        brand,
        category,
        launch_date
    from products
)

select * from final
