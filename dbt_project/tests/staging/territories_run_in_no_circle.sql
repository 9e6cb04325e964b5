-- A territory that is its own ancestor has no leaves to split spend over.
with recursive

territories as (
    select * from {{ ref('stg_raw__territories') }}
),

ancestors as (
    select
        territories.territory_id,
        territories.parent_id as ancestor_id
    from territories
    where territories.parent_id is not null
    union
    select
        ancestors.territory_id,
        territories.parent_id as ancestor_id
    from ancestors
    inner join territories
        on ancestors.ancestor_id = territories.territory_id
    where territories.parent_id is not null
)

select
    'territory ' || territory_id || ' is its own ancestor; correct parent_id' as reason,
    territory_id
from ancestors
where territory_id = ancestor_id
order by territory_id
