-- Persons who are part of an account: its contacts. A person of several accounts belongs to the one
-- that was heard of last.
with

opportunities as (
    select * from {{ ref('stg_raw__opportunities') }}
),

final as (
    select
        person_id,
        'account' as unit_kind,
        arg_max(account_id, (created_at, opportunity_id)) as unit_id
    from opportunities
    where person_id is not null and account_id is not null
    group by person_id
)

select * from final
