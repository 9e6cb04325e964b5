with

customers as (
    select * from {{ ref('stg_raw__customers') }}
),

final as (
    select
        customer_id,
        customer_kind,
        customer_name,
        parent_id,
        account_id,
        territory_id,
        segment,
        acquired_on
    from customers
)

select * from final
