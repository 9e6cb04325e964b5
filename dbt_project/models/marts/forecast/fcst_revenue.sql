with

revenue as (
    select * from {{ source('forecast', 'revenue') }}
),

final as (
    select
        period,
        date_day,
        level,
        territory_id,
        product_id,
        sales_channel,
        units,
        mean,
        p025,
        p10,
        p50,
        p90,
        p975,
        {{ reporting_currency() }} as currency_code
    from revenue
)

select * from final
