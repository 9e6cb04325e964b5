with

opportunities as (
    select * from {{ ref('stg_raw__opportunities') }}
),

rates as (
    select * from {{ ref('stg_fx_rates__dated') }}
),

-- An open opportunity is a stock: it is worth what its currency is worth now.
closing as (
    select
        from_currency,
        arg_max(closing_rate, date_day) as closing_rate
    from rates
    group by from_currency
),

territories as (
    select * from {{ ref('dim_territories') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

sellers as (
    select * from {{ ref('dim_sellers') }}
),

final as (
    select
        opportunities.opportunity_id,
        opportunities.date_day,
        opportunities.account_id,
        opportunities.person_id,
        opportunities.customer_id,
        opportunities.campaign_id,
        opportunities.channel,
        opportunities.territory_id,
        territories.territory_key,
        opportunities.product_id,
        products.product_key,
        opportunities.developer_id,
        opportunities.seller_id,
        sellers.seller_key,
        opportunities.agency_id,
        opportunities.segment,
        opportunities.stage,
        opportunities.closed_at is null as is_open,
        opportunities.stage = 'won' as is_won,
        opportunities.created_at,
        opportunities.qualified_at,
        opportunities.proposal_at,
        opportunities.closed_at,
        cast(opportunities.closed_at as date) - opportunities.date_day as days_to_close,
        opportunities.lost_reason,
        opportunities.amount,
        opportunities.amount_constant,
        case
            when opportunities.closed_at is null
                then {{ in_reporting_currency(
                    'opportunities.landed_amount',
                    fx_rate(
                        'opportunities.landed_currency',
                        'coalesce(closing.closing_rate, opportunities.fx_rate)'
                    )
                ) }}
        end as open_amount,
        opportunities.landed_amount,
        opportunities.landed_currency,
        {{ reporting_currency() }} as currency_code,
        opportunities._source as source_name
    from opportunities
    left join closing
        on opportunities.landed_currency = closing.from_currency
    {{ version_join(
        'territories', 'territory_id', 'opportunities.territory_id', 'opportunities.date_day'
    ) }}
    {{ version_join(
        'products', 'product_id', 'opportunities.product_id', 'opportunities.date_day'
    ) }}
    {{ version_join(
        'sellers', 'seller_id', 'opportunities.seller_id', 'opportunities.date_day'
    ) }}
)

select * from final
