with

ad_spend as (
    select * from {{ source('raw', 'ad_spend') }}
),

fx_rates as (
    select * from {{ ref('stg_raw__fx_rates') }}
),

rates as (
    {{ average_rates('fx_rates') }}
),

priced as (
    select
        ad_spend.*,
        {{ fx_rate('ad_spend.currency_code', 'rates.fx_rate') }} as fx_rate
    from ad_spend
    asof left join rates
        on ad_spend.currency_code = rates.from_currency
        and ad_spend.date_day >= rates.rate_day
),

final as (
    select
        date_day,
        grain,
        platform,
        account_id,
        campaign_id,
        campaign_name,
        ad_group_id,
        channel,
        channel_kind,
        territory_id,
        impressions,
        clicks,
        reach,
        frequency,
        conversions,
        conversions_value,
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
