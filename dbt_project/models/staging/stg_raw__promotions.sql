with

promotions as (
    select * from {{ source('raw', 'promotions') }}
),

{{ priced('promotions', 'starts_on') }},

final as (
    select
        promotion_id,
        promotion_name,
        campaign_id,
        kind,
        product_id,
        territory_id,
        sales_level,
        starts_on,
        ends_on,
        discount_pct,
        intensity,
        coalesce(intensity, discount_pct, 1) as depth,
        {{ in_reporting_currency('fixed_cost', 'fx_rate') }}
        + {{ in_reporting_currency('variable_cost', 'fx_rate') }} as cost,
        {{ in_reporting_currency('fixed_cost', 'constant_rate') }}
        + {{ in_reporting_currency('variable_cost', 'constant_rate') }} as cost_constant,
        fixed_cost + variable_cost as landed_cost,
        currency_code as landed_currency,
        vendor_share,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
