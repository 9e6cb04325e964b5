{{ config(severity='warn') }}
-- A promotion without an end in sight: its days and its cost are counted to the calendar's end.
select
    'promotion ends on ' || cast(promotions.ends_on as varchar)
    || ', after the calendar; its cost is spread until '
    || cast({{ promotion_end('promotions', 'bounds.last_day') }} as varchar) as reason,
    promotions.promotion_id,
    promotions.territory_id,
    promotions.product_id,
    promotions.starts_on,
    promotions.ends_on,
    promotions._source as source,
    promotions._row_number as row_number
from {{ ref('stg_raw__promotions') }} as promotions
cross join {{ ref('int_calendar__bounded') }} as bounds
where promotions.ends_on > {{ promotion_end('promotions', 'bounds.last_day') }}
order by promotions.promotion_id, promotions.territory_id, promotions.product_id
