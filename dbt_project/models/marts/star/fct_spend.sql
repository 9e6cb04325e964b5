with

advertising as (
    select
        date_day,
        'advertising' as spend_kind,
        channel_kind,
        platform,
        channel,
        campaign_id,
        territory_id,
        landed_currency,
        spend,
        spend_constant,
        landed_spend,
        cast(0 as decimal(18, 2)) as vendor_spend,
        impressions,
        clicks
    from {{ ref('stg_raw__ad_spend') }}
),

-- An allowance to the trade is trade spend; what is offered to buyers is promotion.
promotions as (
    select
        date_day,
        case kind when 'trade_allowance' then 'trade' else 'promotion' end as spend_kind,
        kind as platform,
        campaign_id,
        territory_id,
        landed_currency,
        cost as spend,
        cost_constant as spend_constant,
        landed_cost as landed_spend,
        vendor_cost as vendor_spend
    from {{ ref('fct_promotion_days') }}
),

publicity as (
    select
        date_day,
        kind as spend_kind,
        coalesce(outlet, kind) as platform,
        territory_id,
        landed_currency,
        cost as spend,
        cost_constant as spend_constant,
        landed_cost as landed_spend
    from {{ ref('fct_publicity') }}
),

fees as (
    select
        date_day,
        spend_kind,
        platform,
        territory_id,
        landed_currency,
        spend,
        spend_constant,
        landed_spend
    from {{ ref('int_fees__spread') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

spent as (
    select * from advertising
    union all by name
    select * from promotions
    union all by name
    select * from publicity
    union all by name
    select * from fees
),

summed as (
    select
        date_day,
        spend_kind,
        channel_kind,
        platform,
        channel,
        campaign_id,
        territory_id,
        landed_currency,
        cast(sum(spend) as decimal(18, 2)) as spend,
        cast(sum(spend_constant) as decimal(18, 2)) as spend_constant,
        cast(sum(landed_spend) as decimal(18, 6)) as landed_spend,
        cast(coalesce(sum(vendor_spend), 0) as decimal(18, 2)) as vendor_spend,
        {{ exact_sum('impressions') }} as impressions,
        {{ exact_sum('clicks') }} as clicks
    from spent
    group by
        date_day,
        spend_kind,
        channel_kind,
        platform,
        channel,
        campaign_id,
        territory_id,
        landed_currency
),

final as (
    select
        summed.date_day,
        summed.spend_kind,
        summed.channel_kind,
        summed.platform,
        summed.channel,
        summed.campaign_id,
        summed.territory_id,
        territories.territory_key,
        summed.spend,
        summed.vendor_spend,
        summed.spend_constant,
        {{ reporting_currency() }} as currency_code,
        summed.landed_spend,
        summed.landed_currency,
        summed.impressions,
        summed.clicks
    from summed
    {{ version_join('territories', 'territory_id', 'summed.territory_id', 'summed.date_day') }}
)

select * from final
