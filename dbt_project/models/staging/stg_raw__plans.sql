with

plans as (
    select * from {{ source('raw', 'plans') }}
),

{{ rate_ctes() }},

priced as (
    select
        plans.*,
        {{ fx_rate('plans.currency_code', 'rates.average_rate') }} as fx_rate
    from plans
    {{ rated_join('plans') }}
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
