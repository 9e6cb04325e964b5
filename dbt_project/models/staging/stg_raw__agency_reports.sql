with

agency_reports as (
    select * from {{ source('raw', 'agency_reports') }}
),

{{ priced('agency_reports', 'starts_on') }},

final as (
    select
        report_id,
        agency_id,
        seller_id,
        territory_id,
        product_id,
        starts_on,
        ends_on,
        calls,
        visits,
        meetings,
        units_claimed,
        {{ in_reporting_currency('revenue_claimed', 'fx_rate') }} as revenue_claimed,
        {{ in_reporting_currency('fee', 'fx_rate') }} as fee,
        {{ in_reporting_currency('fee', 'constant_rate') }} as fee_constant,
        fee as landed_fee,
        currency_code as landed_currency,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
