with

ad_spend as (
    select * from {{ ref('stg_raw__ad_spend') }}
),

spine as (
    select * from {{ ref('int_calendar__spined') }}
),

placed as (
    select
        spine.date_day,
        ad_spend.territory_id,
        case ad_spend.channel_kind when 'organic' then 'organic' else 'media' end as kind,
        ad_spend.channel as driver,
        ad_spend.spend,
        ad_spend.impressions,
        ad_spend.clicks
    from ad_spend
    inner join spine
        on ad_spend.date_day = spine.calendar_day
),

-- One unit for a driver, over all dates and territories: a curve has one horizontal axis. A row
-- with spend must carry the measure; a channel without any spend (organic) must carry it anywhere.
units as (
    select
        kind,
        driver,
        case
            when
                sum(impressions) > 0
                and count(*) filter (where spend > 0 and impressions is null) = 0
                then 'impressions'
            when
                sum(clicks) > 0
                and count(*) filter (where spend > 0 and clicks is null) = 0
                then 'clicks'
            else 'spend'
        end as exposure_unit
    from placed
    group by kind, driver
),

final as (
    select
        placed.date_day,
        placed.territory_id,
        placed.kind,
        placed.driver,
        units.exposure_unit,
        -- A credit lowers spend, but nobody saw a negative number of ads.
        coalesce(
            case units.exposure_unit
                when 'impressions' then {{ exact_sum('placed.impressions') }}
                when 'clicks' then {{ exact_sum('placed.clicks') }}
                else greatest(cast(sum(placed.spend) as double), 0)
            end, 0
        ) as exposure,
        cast(sum(placed.spend) as decimal(18, 2)) as spend
    from placed
    inner join units
        on placed.kind = units.kind
        and placed.driver = units.driver
    group by
        placed.date_day,
        placed.territory_id,
        placed.kind,
        placed.driver,
        units.exposure_unit
)

select * from final
