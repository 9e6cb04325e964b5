with

products as (
    select * from {{ ref('stg_raw__products') }}
),

final as (
    select
        {{ version_key('product_id', 'valid_from') }} as product_key,
        product_id,
        product_name,
        brand,
        category,
        coalesce(category, brand, 'all') as product_group,
        launch_date,
        list_price,
        standard_cost,
        currency_code as price_currency,
        valid_from,
        valid_to,
        is_current
    from products
)

select * from final
