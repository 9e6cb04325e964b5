-- A sale happens in one place: splitting it over regions would invent a ledger.
with

sales as (
    select * from {{ ref('stg_raw__sales') }}
),

territories as (
    select * from {{ ref('stg_raw__territories') }}
),

parents as (
    select
        parent_id as territory_id,
        string_agg(territory_id, ', ' order by territory_id) as children
    from territories
    where parent_id is not null
    group by parent_id
)

select
    'sales stand at ' || sales.territory_id || ', the parent of ' || parents.children
    || '; book them at one of these' as reason,
    sales.territory_id,
    sales.date_day,
    sales.order_id,
    sales.line_number
from sales
inner join parents
    on sales.territory_id = parents.territory_id
order by sales.territory_id, sales.date_day, sales.order_id, sales.line_number
