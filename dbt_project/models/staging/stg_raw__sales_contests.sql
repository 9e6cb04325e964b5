with

sales_contests as (
    select * from {{ source('raw', 'sales_contests') }}
),

{{ rate_ctes() }},

priced as (
    select
        sales_contests.*,
        {{ fx_rate('sales_contests.currency_code', 'rates.average_rate') }} as fx_rate,
        {{ constant_rate('sales_contests.currency_code') }} as constant_rate
    from sales_contests
    {{ rated_join('sales_contests', 'starts_on') }}
),

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
