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
        {{ version_start() }} as valid_from,
        {{ version_end('product_id') }} as valid_to,
        {{ is_last_version('product_id') }} as is_current,
        _source,
        _file_hash,
        _row_number
    from products
)

select * from final
