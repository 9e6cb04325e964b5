{{ config(severity='warn') }}
-- The seller is known, but no assignment holds on the day: not yet there, or gone.
with

named as (
    select
        'sales' as table_name,
        date_day,
        named_id as seller_id,
        lines as rows_found,
        _source || ', row ' || first_row_number as example
    from {{ ref('int_sales__referenced') }}
    where named_by = 'rep_id'
    union all
    select
        'touchpoints' as table_name,
        date_day,
        named_id as seller_id,
        touches as rows_found,
        _source as example
    from {{ ref('int_touchpoints__referenced') }}
    where named_by = 'seller_id'
    union all
    select
        'opportunities' as table_name,
        date_day,
        seller_id,
        1 as rows_found,
        opportunity_id as example
    from {{ ref('stg_raw__opportunities') }}
    where seller_id is not null
),

sellers as (
    select * from {{ ref('dim_sellers') }}
),

known as (
    select distinct seller_id from sellers
)

select
    'seller ' || named.seller_id || ' has no assignment on the days of these rows of '
    || named.table_name || '; they have no seller_key' as reason,
    named.seller_id,
    min(named.date_day) as first_date,
    max(named.date_day) as last_date,
    sum(named.rows_found) as rows_found,
    arg_min(named.example, named.date_day) as example
from named
inner join known
    on named.seller_id = known.seller_id
{{ version_join('sellers', 'seller_id', 'named.seller_id', 'named.date_day') }}
where sellers.seller_id is null
group by named.table_name, named.seller_id
order by named.table_name, named.seller_id
