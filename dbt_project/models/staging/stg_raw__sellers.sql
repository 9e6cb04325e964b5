with

sellers as (
    select * from {{ source('raw', 'sellers') }}
),

final as (
    select
        seller_id,
        seller_name,
        kind,
        agency_id,
        manager_id,
        territory_id,
        commission_plan,
        commission_pct,
        {{ version_start() }} as valid_from,
        -- An assignment without an end goes on beside a later one: a seller may hold two
        -- territories.
        coalesce(valid_to, {{ last_date() }}) as valid_to,
        _source,
        _file_hash,
        _row_number
    from sellers
)

select * from final
