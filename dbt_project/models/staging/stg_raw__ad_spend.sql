{{ config(
    materialized='partitioned',
    meta={'partitions': {'of': 'ad_spend', 'rates': true}}
) }}
with

ad_spend as (
    select * from {{ source('raw', 'ad_spend') }}
),

{{ priced('ad_spend') }},

final as (
    select
        date_day,
        grain,
        platform,
        account_id,
        campaign_id,
        campaign_name,
        ad_group_id,
        ad_id,
        channel,
        channel_kind,
        territory_id,
        impressions,
        clicks,
        reach,
        frequency,
        conversions,
        {{ in_reporting_currency('conversions_value', 'fx_rate') }} as conversions_value,
        {{ in_reporting_currency('spend', 'fx_rate') }} as spend,
        {{ in_reporting_currency('spend', 'constant_rate') }} as spend_constant,
        spend as landed_spend,
        currency_code as landed_currency,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
