with

components as (
    select * from {{ source('forecast', 'components') }}
),

final as (
    select
        date_day,
        territory_id,
        product_id,
        sales_channel,
        component,
        value,
        net_revenue
    from components
)

select * from final
