-- A sale happens in one place: splitting it over regions would invent a ledger.
with

sales as (
    select * from {{ ref('int_sales__referenced') }}
),

territories as (
    select * from {{ ref('stg_raw__territories') }}
),

parents as (
    select
        parent_id as territory_id,
        string_agg(distinct territory_id, ', ' order by territory_id) as children
    from territories
    where is_current and parent_id is not null
    group by parent_id
)

select
    'sales stand at ' || sales.named_id || ', the parent of ' || parents.children
    || '; book them at one of these' as reason,
    sales.named_id as territory_id,
    sales.date_day,
    sales.lines,
    sales._source as source,
    sales.first_row_number
from sales
inner join parents
    on sales.named_id = parents.territory_id
where sales.named_by = 'territory_id'
order by territory_id, sales.date_day, source
