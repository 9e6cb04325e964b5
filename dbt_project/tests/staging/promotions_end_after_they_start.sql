-- A promotion that ends before it starts runs on no day, and its cost would vanish.
select
    'promotion ends on ' || cast(ends_on as varchar) || ', before it starts' as reason,
    promotion_id,
    territory_id,
    product_id,
    starts_on,
    ends_on,
    _source as source,
    _row_number as row_number
from {{ ref('stg_raw__promotions') }}
where ends_on < starts_on
order by promotion_id, territory_id, product_id, starts_on
