with

sellers as (
    select * from {{ ref('int_sellers__versioned') }}
),

final as (
    select
        {{ version_key('seller_id', 'valid_from') }} as seller_key,
        seller_id,
        seller_name,
        kind,
        agency_id,
        manager_id,
        territory_id,
        territory_ids,
        cast(territories as bigint) as territories,
        commission_plan,
        commission_pct,
        valid_from,
        valid_to,
        {{ is_last_version('seller_id') }} as is_current
    from sellers
)

select * from final
