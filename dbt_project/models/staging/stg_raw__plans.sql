with

plans as (
    select * from {{ source('raw', 'plans') }}
),

fx_rates as (
    select * from {{ ref('stg_raw__fx_rates') }}
),

rates as (
    {{ average_rates('fx_rates') }}
),

priced as (
    select
        plans.*,
        {{ fx_rate('plans.currency_code', 'rates.fx_rate') }} as fx_rate
    from plans
    asof left join rates
        on plans.currency_code = rates.from_currency
        and plans.date_day >= rates.rate_day
),

final as (
    select
        plan_id,
        date_day,
        grain,
        kind,
        driver,
        territory_id,
        product_id,
        exposure,
        {{ in_reporting_currency('spend', 'fx_rate') }} as spend,
        spend as landed_spend,
        currency_code as landed_currency,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
