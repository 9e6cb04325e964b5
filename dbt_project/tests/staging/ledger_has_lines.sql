-- Without a ledger there is no calendar, and nothing can be attributed or forecast.
select
    'no sales are landed; land the sales source before transforming' as reason,
    count(*) as sales_lines
from {{ ref('int_sales__daily') }}
where booked_by = 'company'
having count(*) = 0
