{{ config(severity='warn') }}
-- National spend over leaves of unknown population is split equally.
with

ad_spend as (
    select * from {{ ref('stg_raw__ad_spend') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
),

territories as (
    select * from {{ ref('stg_raw__territories') }}
    where is_current
),

unknown as (
    select
        leaves.territory_id,
        string_agg(leaves.leaf_id, ', ' order by leaves.leaf_id) as leaf_ids
    from leaves
    inner join territories
        on leaves.leaf_id = territories.territory_id
    where leaves.depth > 0 and coalesce(territories.population, 0) <= 0
    group by leaves.territory_id
)

select
    'spend of ' || unknown.territory_id || ' is split equally over its regions: no population for '
    || unknown.leaf_ids as reason,
    unknown.territory_id,
    count(*) as rows_found
from ad_spend
inner join unknown
    on ad_spend.territory_id = unknown.territory_id
group by unknown.territory_id, unknown.leaf_ids
order by unknown.territory_id
