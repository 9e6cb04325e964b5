{{ config(severity='warn') }}
-- A customer on a ledger line stands in the list of customers, where a list is kept.
with

sales as (
    select * from {{ ref('stg_raw__sales') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
)

select
    'customer_id ''' || sales.customer_id || ''' is not in customers; add it there' as reason,
    sales.customer_id,
    count(*) as rows_found,
    min(sales.date_day) as first_date
from sales
left join customers
    on sales.customer_id = customers.customer_id
where
    sales.customer_id is not null
    and customers.customer_id is null
    and (select count(*) from {{ ref('dim_customers') }}) > 0
group by sales.customer_id
order by sales.customer_id
