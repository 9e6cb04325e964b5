-- Machines among the keys that belong to somebody else: once they are part of an account or of a
-- person, their touches cannot be told from those of others.
with

contacts as (
    select
        'contact' as unit_kind,
        person_id as unit_id,
        occurred_at,
        code
    from {{ ref('int_journeys__met') }}
    where person_id is not null and (unit_kind = 'account' or person_id <> unit_id)
),

scale as (
    select * from {{ ref('int_journeys__scaled') }}
),

walks as (
    {{ journeys_walks('contacts', 'scale') }}
),

final as (
    {{ journeys_bots(
        'walks', 'scale', var('journeys_bot_touches'), var('journeys_bot_minutes'), 'contact'
    ) }}
)

select * from final
