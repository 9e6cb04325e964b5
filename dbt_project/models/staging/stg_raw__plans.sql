with

plans as (
    select * from {{ source('raw', 'plans') }}
),

{{ priced('plans') }},

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
