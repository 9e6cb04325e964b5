-- Whose the touches and orders of a key are, where that is not the key itself: keys that merged,
-- and contacts of an account. What became known last holds, also for what was before it.
with recursive

identities as (
    select
        person_id,
        customer_id,
        account_id,
        coalesce(merged_at, timestamp '1900-01-01') as merged_at
    from {{ ref('stg_raw__identities') }}
),

opportunities as (
    select * from {{ ref('stg_raw__opportunities') }}
),

businesses as (
    select * from {{ ref('stg_raw__customers') }}
    where customer_kind <> 'B2C'
),

latest as (
    select
        person_id,
        arg_max(customer_id, (merged_at, customer_id)) as customer_id
    from identities
    where customer_id is not null
    group by person_id
),

followed as (
    select
        person_id,
        customer_id,
        1 as steps
    from latest
    union all
    select
        followed.person_id,
        latest.customer_id,
        followed.steps + 1 as steps
    from followed
    inner join latest
        on followed.customer_id = latest.person_id
    where followed.steps < 20
),

-- Keys that run in a circle reach no end, and stay who they are.
merged as (
    select
        followed.person_id,
        followed.customer_id
    from followed
    anti join latest
        on followed.customer_id = latest.person_id
),

heard as (
    select
        person_id,
        account_id,
        created_at as heard_at,
        opportunity_id as heard_by
    from opportunities
    where person_id is not null and account_id is not null
    union all
    select
        person_id,
        account_id,
        merged_at as heard_at,
        '' as heard_by
    from identities
    where account_id is not null
),

contacts as (
    select
        coalesce(merged.customer_id, heard.person_id) as person_id,
        arg_max(heard.account_id, (heard.heard_at, heard.heard_by, heard.account_id))
            as account_id
    from heard
    left join merged
        on heard.person_id = merged.person_id
    group by coalesce(merged.customer_id, heard.person_id)
),

persons as (
    select
        person_id,
        customer_id
    from merged
    union all
    select
        person_id,
        person_id as customer_id
    from contacts
),

final as (
    select
        persons.person_id,
        case
            when contacts.account_id is not null or businesses.customer_id is not null
                then 'account'
            else 'person'
        end as unit_kind,
        coalesce(
            contacts.account_id, businesses.account_id, businesses.customer_id, persons.customer_id
        ) as unit_id
    from persons
    left join contacts
        on persons.customer_id = contacts.person_id
    left join businesses
        on persons.customer_id = businesses.customer_id
)

select * from final
