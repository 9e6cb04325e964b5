-- Of a version, statistical and override are final; of a bridge, old and its steps are new.
with

versions as (
    select * from {{ ref('fcst_versions') }}
),

bridge as (
    select * from {{ ref('fcst_bridge') }}
),

bridged as (
    select
        version,
        period,
        territory_id,
        product_id,
        sum(case when step = 'new' then amount else 0 end) as told,
        sum(case when step = 'new' then 0 else amount end) as summed
    from bridge
    group by version, period, territory_id, product_id
),

wrong as (
    select
        'statistical and override are ' || cast(statistical + override as varchar)
        || ', final is ' || cast(final as varchar) as reason,
        version,
        period,
        territory_id,
        product_id
    from versions
    where statistical + override <> final
    union all
    select
        'old and the steps are ' || cast(summed as varchar)
        || ', new is ' || cast(told as varchar) as reason,
        version,
        period,
        territory_id,
        product_id
    from bridged
    where summed <> told
)

select * from wrong
order by version, period, territory_id, product_id
