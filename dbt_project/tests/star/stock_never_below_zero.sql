{{ config(severity='warn') }}
-- More was sold on than was ever sold in: stock before the first landed line, or a report that
-- claims too much.
select
    'stock in the trade falls to ' || cast(min(stock_units) as varchar)
    || ' units; sell-out exceeds what was sold in since the first landed line' as reason,
    territory_id,
    product_id,
    min(date_day) as first_date
from {{ ref('fct_stock') }}
where stock_units < 0
group by territory_id, product_id
order by territory_id, product_id
