with

components as (
    select * from {{ source('forecast', 'components') }}
),

final as (
    select
        date_day,
        territory_id,
        product_id,
        component,
        value
    from components
)

select * from final
