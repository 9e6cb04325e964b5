with recursive

territories as (
    -- The hierarchy as it is now splits all of history: one version of each territory.
    select * from {{ ref('stg_raw__territories') }}
    where is_current
),

leaves as (
    select territories.*
    from territories
    left join territories as children
        on territories.territory_id = children.parent_id
    where children.territory_id is null
),

lineage as (
    select
        leaves.territory_id as leaf_id,
        leaves.population,
        leaves.territory_id,
        0 as depth,
        [leaves.territory_id] as path
    from leaves
    union all
    select
        lineage.leaf_id,
        lineage.population,
        parents.territory_id,
        lineage.depth + 1 as depth,
        list_append(lineage.path, parents.territory_id) as path
    from lineage
    inner join territories
        on lineage.territory_id = territories.territory_id
    inner join territories as parents
        on territories.parent_id = parents.territory_id
    -- A circle of parents is reported by a test of staging; here it must only come to an end.
    where not list_contains(lineage.path, parents.territory_id)
),

weighted as (
    select
        territory_id,
        leaf_id,
        depth,
        -- Whole numbers, so that shares are exact; millionths, so that a population in millions
        -- counts too. One unknown population makes the split equal: a guess beside known
        -- figures would look as exact as they do.
        case
            when bool_and(coalesce(population, 0) > 0) over (partition by territory_id)
                then greatest(cast(round(population * 1000000) as hugeint), 1)
            else cast(1 as hugeint)
        end as weight
    from lineage
),

totalled as (
    select
        *,
        sum(weight) over (partition by territory_id) as total_weight
    from weighted
),

final as (
    select
        territory_id,
        leaf_id,
        depth,
        weight,
        total_weight,
        cast(weight as double) / cast(total_weight as double) as share,
        row_number() over (
            partition by territory_id order by weight desc, leaf_id asc
        ) = 1 as is_largest
    from totalled
)

select * from final
