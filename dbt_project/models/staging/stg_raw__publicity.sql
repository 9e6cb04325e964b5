with

publicity as (
    select * from {{ source('raw', 'publicity') }}
),

fx_rates as (
    select * from {{ ref('stg_raw__fx_rates') }}
),

rates as (
    {{ average_rates('fx_rates') }}
),

priced as (
    select
        publicity.*,
        {{ fx_rate('publicity.currency_code', 'rates.fx_rate') }} as fx_rate
    from publicity
    asof left join rates
        on publicity.currency_code = rates.from_currency
        and publicity.date_day >= rates.rate_day
),

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
        cost as landed_cost,
        currency_code as landed_currency,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
