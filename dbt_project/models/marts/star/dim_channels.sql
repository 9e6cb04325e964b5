with

advertising as (
    select distinct
        channel,
        channel_kind as used_as
    from {{ ref('stg_raw__ad_spend') }}
),

selling as (
    select distinct
        sales_channel as channel,
        'sales' as used_as
    from {{ ref('int_sales__daily') }}
),

touching as (
    select distinct
        channel,
        'touch' as used_as
    from {{ ref('int_touchpoints__counted') }}
),

leading_in as (
    select distinct
        channel,
        'lead' as used_as
    from {{ ref('stg_raw__opportunities') }}
    where channel is not null
),

named as (
    select * from advertising
    union all
    select * from selling
    union all
    select * from touching
    union all
    select * from leading_in
),

final as (
    select
        channel,
        bool_or(used_as = 'paid') as is_paid,
        bool_or(used_as = 'organic') as is_organic,
        bool_or(used_as = 'sales') as is_sales,
        bool_or(used_as = 'touch') as is_touch,
        bool_or(used_as = 'lead') as is_lead
    from named
    group by channel
)

select * from final
