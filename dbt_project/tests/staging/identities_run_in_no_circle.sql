-- A person whose later keys lead back to it never turns out to be anybody.
with

identities as (
    select
        person_id,
        _source,
        _row_number
    from {{ ref('stg_raw__identities') }}
    where customer_id is not null
),

identified as (
    select * from {{ ref('int_journeys__identified') }}
)

select
    'person ' || identities.person_id || ' is merged in a circle, or over more than 20 steps; '
    || 'say which key is the customer' as reason,
    identities.person_id,
    identities._source,
    identities._row_number
from identities
anti join identified
    on identities.person_id = identified.person_id
order by identities.person_id
