with

sales_contests as (
    select * from {{ source('raw', 'sales_contests') }}
),

{{ priced('sales_contests', 'starts_on') }},

final as (
    select
        contest_id,
        contest_name,
        territory_id,
        seller_id,
        product_id,
        starts_on,
        ends_on,
        metric,
        target,
        {{ in_reporting_currency('prize_cost', 'fx_rate') }} as prize_cost,
        {{ in_reporting_currency('prize_cost', 'constant_rate') }} as prize_cost_constant,
        prize_cost as landed_prize_cost,
        currency_code as landed_currency,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
