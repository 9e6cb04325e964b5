-- All spend on selling by month, channel, campaign and territory, beside what platforms claim to
-- have sold. Money that names no channel stands under its kind, so that none is lost.
with

spend as (
    select * from {{ ref('fct_spend') }}
),

-- Platforms report per advertising row; spend is summed before it gets here.
claims as (
    select
        date_day,
        channel,
        campaign_id,
        territory_id,
        conversions,
        conversions_value
    from {{ ref('stg_raw__ad_spend') }}
    where conversions is not null or conversions_value is not null
),

calendar as (
    select
        first_day,
        cast(last_day + days_in_period - 1 as date) as last_day
    from {{ ref('int_calendar__bounded') }}
),

told as (
    select
        date_day,
        spend_kind,
        coalesce(channel, '(' || spend_kind || ')') as channel,
        campaign_id,
        territory_id,
        spend,
        null as conversions,
        null as conversions_value
    from spend
    union all
    select
        date_day,
        'advertising' as spend_kind,
        channel,
        campaign_id,
        territory_id,
        0 as spend,
        conversions,
        conversions_value
    from claims
),

final as (
    select
        strftime(told.date_day, '%Y-%m') as month,
        told.spend_kind,
        told.channel,
        coalesce(told.campaign_id, '(no campaign) ' || told.channel) as campaign,
        coalesce(told.territory_id, '(no territory)') as territory,
        cast(
            coalesce(
                sum(told.spend) filter (
                    where told.date_day between calendar.first_day and calendar.last_day
                ), 0
            ) as decimal(18, 2)
        ) as spend,
        cast(
            coalesce(
                sum(told.spend) filter (
                    where told.date_day not between calendar.first_day and calendar.last_day
                ), 0
            ) as decimal(18, 2)
        ) as spend_outside,
        {{ exact_sum(
            'case when told.date_day between calendar.first_day and calendar.last_day '
            'then told.conversions end'
        ) }} as claimed_conversions,
        cast(
            sum(told.conversions_value) filter (
                where told.date_day between calendar.first_day and calendar.last_day
            ) as decimal(18, 2)
        ) as claimed_value
    from told
    cross join calendar
    group by
        strftime(told.date_day, '%Y-%m'),
        told.spend_kind,
        told.channel,
        coalesce(told.campaign_id, '(no campaign) ' || told.channel),
        coalesce(told.territory_id, '(no territory)')
)

select * from final
