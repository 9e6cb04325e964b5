with

volume as (
    select * from {{ source('forecast', 'volume') }}
),

final as (
    select
        period,
        date_day,
        level,
        territory_id,
        product_id,
        sales_channel,
        measure,
        mean,
        p025,
        p10,
        p50,
        p90,
        p975,
        case when measure = 'net_revenue' then {{ reporting_currency() }} end as currency_code
    from volume
)

select * from final
