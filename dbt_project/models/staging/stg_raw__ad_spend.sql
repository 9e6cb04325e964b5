{{ config(
    materialized='partitioned',
    meta={'partitions': {'of': 'ad_spend', 'rates': true}}
) }}
with

ad_spend as (
    select * from {{ source('raw', 'ad_spend') }}
),

{{ rate_ctes() }},

priced as (
    select
        ad_spend.*,
        {{ fx_rate('ad_spend.currency_code', 'rates.average_rate') }} as fx_rate,
        {{ constant_rate('ad_spend.currency_code') }} as constant_rate
    from ad_spend
    {{ rated_join('ad_spend') }}
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
        ad_id,
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
