with

products as (
    select * from {{ source('raw', 'products') }}
),

final as (
    select
        product_id,
        product_name,
        brand,
        category,
        launch_date,
        list_price,
        standard_cost,
        currency_code,
        _source,
        _file_hash,
        _row_number
    from products
)

select * from final
