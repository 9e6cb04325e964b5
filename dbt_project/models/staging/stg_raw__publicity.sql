with

publicity as (
    select * from {{ source('raw', 'publicity') }}
),

{{ priced('publicity') }},

final as (
    select
        event_id,
        date_day,
        grain,
        kind,
        event_name,
        outlet,
        territory_id,
        mentions,
        reach,
        tone,
        {{ in_reporting_currency('cost', 'fx_rate') }} as cost,
        {{ in_reporting_currency('cost', 'constant_rate') }} as cost_constant,
        cost as landed_cost,
        currency_code as landed_currency,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
