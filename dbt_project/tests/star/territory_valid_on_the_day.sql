{{ config(severity='warn') }}
-- The territory is known, but no version of it holds on the day: opened later, or closed before.
with

named as (
    select
        'sales' as table_name,
        date_day,
        named_id as territory_id,
        lines as rows_found
    from {{ ref('int_sales__referenced') }}
    where named_by = 'territory_id'
    union all
    select
        'touchpoints' as table_name,
        date_day,
        named_id as territory_id,
        touches as rows_found
    from {{ ref('int_touchpoints__referenced') }}
    where named_by = 'territory_id'
    union all
    select
        'spend' as table_name,
        date_day,
        territory_id,
        1 as rows_found
    from {{ ref('fct_spend') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

known as (
    select distinct territory_id from territories
)

select
    'territory ' || named.territory_id || ' is not valid on the days of these rows of '
    || named.table_name || '; they have no territory_key' as reason,
    named.territory_id,
    min(named.date_day) as first_date,
    max(named.date_day) as last_date,
    sum(named.rows_found) as rows_found
from named
inner join known
    on named.territory_id = known.territory_id
{{ version_join('territories', 'territory_id', 'named.territory_id', 'named.date_day') }}
where territories.territory_id is null
group by named.table_name, named.territory_id
order by named.table_name, named.territory_id
