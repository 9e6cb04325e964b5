with

opportunities as (
    select * from {{ source('raw', 'opportunities') }}
),

{{ priced('opportunities') }},

final as (
    select
        opportunity_id,
        date_day,
        account_id,
        person_id,
        customer_id,
        campaign_id,
        channel,
        territory_id,
        product_id,
        developer_id,
        seller_id,
        agency_id,
        stage,
        created_at,
        qualified_at,
        proposal_at,
        closed_at,
        segment,
        lost_reason,
        {{ in_reporting_currency('amount', 'fx_rate') }} as amount,
        {{ in_reporting_currency('amount', 'constant_rate') }} as amount_constant,
        amount as landed_amount,
        currency_code as landed_currency,
        fx_rate,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
