with

products as (
    select * from {{ source('release', 'products') }}
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
