{{ config(severity='warn') }}
-- Plans add up; two plans for one driver, place and date may be two versions of one plan.
select
    'plans ' || string_agg(distinct plan_id, ', ' order by plan_id)
    || ' plan the same driver, territory and date; they are added' as reason,
    date_day,
    kind,
    driver,
    territory_id,
    product_id
from {{ ref('stg_raw__plans') }}
group by date_day, kind, driver, territory_id, product_id
having count(distinct plan_id) > 1
order by date_day, kind, driver, territory_id, product_id
