with

ledger as (
    select * from {{ source('release', 'ledger') }}
),

final as (
    select
        date_day,
        territory_id,
        product_id,
        sales_channel,
        net_revenue,
        units,
        unit_cost,
        {{ reporting_currency() }} as currency_code
    from ledger
)

select * from final
