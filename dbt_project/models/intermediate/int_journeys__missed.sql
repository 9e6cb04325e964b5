with

touches as (
    select * from {{ ref('int_journeys__touches') }}
),

windows as (
    select * from {{ ref('int_journeys__windowed') }}
),

kinds as (
    select * from {{ ref('int_journeys__kinds') }}
    -- Persons who only ever buy make no opportunity: that they have none is no loss.
    where
        unit_kind = 'account'
        or conversion_kind = 'sale'
),

calendar as (
    select * from {{ ref('int_calendar__bounded') }}
),

journeys as (
    {{ journeys_missed(
        'touches',
        'windows',
        'kinds',
        '(select cast(last_day + days_in_period as timestamp) from calendar)',
        ['channel', 'campaign', 'territory']
    ) }}
),

final as (
    select
        conversion_kind,
        unit_kind,
        is_open,
        touches,
        count(*) as journeys
    from journeys
    group by conversion_kind, unit_kind, is_open, touches
)

select * from final
