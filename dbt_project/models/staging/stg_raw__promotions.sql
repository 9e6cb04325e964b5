with

promotions as (
    select * from {{ source('raw', 'promotions') }}
),

fx_rates as (
    select * from {{ ref('stg_raw__fx_rates') }}
),

rates as (
    {{ average_rates('fx_rates') }}
),

priced as (
    select
        promotions.*,
        {{ fx_rate('promotions.currency_code', 'rates.fx_rate') }} as fx_rate
    from promotions
    asof left join rates
        on promotions.currency_code = rates.from_currency
        and promotions.starts_on >= rates.rate_day
),

final as (
    select
        promotion_id,
        promotion_name,
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
