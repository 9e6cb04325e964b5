with

gathered as (
    select * from {{ ref('int_journeys__gathered') }}
),

bots as (
    select * from {{ ref('int_journeys__bots') }}
),

scale as (
    select * from {{ ref('int_journeys__scaled') }}
),

names as (
    select * from {{ ref('int_journeys__named') }}
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

walks as (
    select gathered.* from gathered
    anti join bots
        on gathered.unit_kind = bots.unit_kind
        and gathered.unit_id = bots.unit_id
),

journeys as (
    {{ journeys_missed(
        'walks',
        'windows',
        'kinds',
        'scale',
        '(select cast(last_day + days_in_period as timestamp) from calendar)'
    ) }}
),

dictionary as (
    select
        list(struct_pack(
            channel := channel, campaign := campaign, territory := territory
        ) order by code) as entries
    from names
),

final as (
    select
        journeys.conversion_kind,
        journeys.unit_kind,
        journeys.is_open,
        list_transform(journeys.touches, lambda code: dictionary.entries[code + 1]) as touches,
        journeys.journeys
    from journeys
    cross join dictionary
)

select * from final
