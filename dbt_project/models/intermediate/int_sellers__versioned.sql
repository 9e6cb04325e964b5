with

assignments as (
    select * from {{ ref('stg_raw__sellers') }}
),

-- Every day on which something about a seller changes starts a version.
starts as (
    select
        seller_id,
        valid_from
    from assignments
    union
    select
        seller_id,
        cast(valid_to + 1 as date) as valid_from
    from assignments
    where valid_to < {{ last_date() }}
),

versions as (
    select
        seller_id,
        valid_from,
        coalesce(
            cast(lead(valid_from) over (partition by seller_id order by valid_from) - 1 as date),
            {{ last_date() }}
        ) as valid_to
    from starts
),

-- Of assignments that run side by side, the newest speaks for the seller.
ranked as (
    select
        versions.seller_id,
        versions.valid_from,
        versions.valid_to,
        assignments.seller_name,
        assignments.kind,
        assignments.agency_id,
        assignments.manager_id,
        assignments.territory_id,
        assignments.commission_plan,
        assignments.commission_pct,
        row_number() over (
            partition by versions.seller_id, versions.valid_from
            order by assignments.valid_from desc, assignments.territory_id asc
        ) as place
    from versions
    inner join assignments
        on versions.seller_id = assignments.seller_id
        and versions.valid_from between assignments.valid_from and assignments.valid_to
),

territories as (
    select
        seller_id,
        valid_from,
        string_agg(distinct territory_id, ', ' order by territory_id) as territory_ids,
        count(distinct territory_id) as territories
    from ranked
    group by seller_id, valid_from
),

final as (
    select
        ranked.seller_id,
        ranked.seller_name,
        ranked.kind,
        ranked.agency_id,
        ranked.manager_id,
        ranked.territory_id,
        territories.territory_ids,
        territories.territories,
        ranked.commission_plan,
        ranked.commission_pct,
        ranked.valid_from,
        ranked.valid_to
    from ranked
    inner join territories
        on ranked.seller_id = territories.seller_id
        and ranked.valid_from = territories.valid_from
    where ranked.place = 1
)

select * from final
