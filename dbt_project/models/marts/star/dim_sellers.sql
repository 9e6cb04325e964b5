-- Published: the name of a person stays in stg_raw__sellers unless the company says otherwise
-- (docs/decisions/0009-personal-rows-stay.md).
with

sellers as (
    select * from {{ ref('int_sellers__versioned') }}
),

final as (
    select
        {{ version_key('seller_id', 'valid_from') }} as seller_key,
        seller_id,
        {% if var('publish_seller_names') -%}
        seller_name,
        {%- else -%}
        cast(null as varchar) as seller_name,
        {%- endif %}
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
