with

fit as (
    select * from {{ source('forecast', 'fit') }}
),

final as (
    select
        date_day,
        territory_id,
        product_id,
        sales_channel,
        actual,
        fitted
    from fit
)

select * from final
