with

experiments as (
    select * from {{ ref('stg_raw__experiments') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
),

-- Treated territories with one effect were read together; with several, each by itself.
counted as (
    select
        experiment_id,
        count(distinct concat_ws(' ', effect, effect_se)) filter (
            where arm = 'treated' and effect is not null
        ) > 1 as is_read_apart
    from experiments
    group by experiment_id
),

read_outs as (
    select distinct
        experiments.experiment_id as design_id,
        experiments.experiment_id
        || case when counted.is_read_apart then ' in ' || experiments.territory_id else '' end
            as experiment_id,
        case when counted.is_read_apart then experiments.territory_id end as read_in
    from experiments
    inner join counted
        on experiments.experiment_id = counted.experiment_id
    where experiments.arm = 'treated'
),

-- A read-out is of its treated territories beside all controls of its experiment.
members as (
    select
        read_outs.experiment_id,
        experiments.* exclude (experiment_id)
    from read_outs
    inner join experiments
        on read_outs.design_id = experiments.experiment_id
    where
        experiments.arm = 'control'
        or read_outs.read_in is null
        or experiments.territory_id = read_outs.read_in
),

shares as (
    select
        members.* exclude (territory_id, spend),
        members.territory_id as landed_territory_id,
        members.spend as whole_spend,
        leaves.leaf_id,
        leaves.is_largest,
        {{ weighted_part('members.spend', 'leaves.weight', 'leaves.total_weight') }} as spend
    from members
    inner join leaves
        on members.territory_id = leaves.territory_id
),

settled as (
    select
        * exclude (spend),
        {{ settled_part('spend', 'whole_spend', ['experiment_id', 'landed_territory_id']) }}
            as spend
    from shares
),

-- A region named beside its country is one row.
final as (
    select
        experiment_id,
        leaf_id as territory_id,
        min(experiment_name) as experiment_name,
        min(kind) as kind,
        min(driver) as driver,
        min(campaign_id) as campaign_id,
        case when bool_or(arm = 'treated') then 'treated' else 'control' end as arm,
        min(starts_on) as starts_on,
        max(ends_on) as ends_on,
        cast(sum(spend) as decimal(18, 2)) as spend,
        cast(max(effect) as double) as effect,
        max(effect_se) as effect_se,
        min(status) as status
    from settled
    group by experiment_id, leaf_id
)

select * from final
