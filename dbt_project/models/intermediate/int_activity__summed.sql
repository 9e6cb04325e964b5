-- What sellers and agencies do to sell: calls, visits and meetings, and what agencies cost.
with

touches as (
    select * from {{ ref('int_touchpoints__counted') }}
    where kind in ('call', 'visit', 'meeting') and seller_id is not null
),

reports as (
    select
        *,
        coalesce(calls, 0) + coalesce(visits, 0) + coalesce(meetings, 0) as touches
    from {{ ref('stg_raw__agency_reports') }}
),

spine as (
    select * from {{ ref('int_calendar__spined') }}
),

agents as (
    select
        seller_id,
        min(coalesce(agency_id, seller_id)) as agency_id
    from {{ ref('stg_raw__sellers') }}
    where kind = 'agency'
    group by seller_id
),

-- An agency that counts no touches is measured by what it costs.
agencies as (
    select
        agency_id,
        case when sum(touches) > 0 then 'touches' else 'spend' end as exposure_unit
    from reports
    group by agency_id
),

-- What an agency's people do is the agency's: by its reports, else by their touches.
own_touches as (
    select
        spine.date_day,
        touches.territory_id,
        case when agents.seller_id is null then 'seller' else 'agency' end as kind,
        coalesce(agents.agency_id, touches.kind) as driver,
        'touches' as exposure_unit,
        cast(touches.touches as double) as exposure,
        cast(0 as decimal(18, 2)) as spend
    from touches
    inner join spine
        on touches.date_day = spine.calendar_day
    left join agents
        on touches.seller_id = agents.seller_id
    left join agencies
        on agents.agency_id = agencies.agency_id
    where agencies.agency_id is null
),

-- A report speaks for its whole period: each of its days has an even part.
reported as (
    select
        spine.date_day,
        reports.territory_id,
        reports.agency_id as driver,
        agencies.exposure_unit,
        case agencies.exposure_unit
            when 'touches' then reports.touches else cast(reports.fee as double)
        end / (reports.ends_on - reports.starts_on + 1) as exposure,
        {{ even_part(
            'reports.fee',
            '(spine.calendar_day - reports.starts_on + 1)',
            '(reports.ends_on - reports.starts_on + 1)'
        ) }} as spend
    from reports
    inner join spine
        on spine.calendar_day between reports.starts_on and reports.ends_on
    inner join agencies
        on reports.agency_id = agencies.agency_id
),

activity as (
    select * from own_touches
    union all by name
    select
        'agency' as kind,
        *
    from reported
),

final as (
    select
        date_day,
        territory_id,
        kind,
        driver,
        exposure_unit,
        {{ exact_sum('exposure') }} as exposure,
        cast(sum(spend) as decimal(18, 2)) as spend
    from activity
    where territory_id is not null
    group by date_day, territory_id, kind, driver, exposure_unit
)

select * from final
