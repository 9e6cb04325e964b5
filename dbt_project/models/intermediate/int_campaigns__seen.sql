-- Every campaign named by any row, and the days it was named on.
with

ad_spend as (
    select
        'ad_spend' as seen_in,
        campaign_id,
        arg_max(campaign_name, concat(date_day, campaign_name)) as campaign_name,
        arg_max(platform, concat(date_day, platform)) as platform,
        arg_max(channel, concat(date_day, channel)) as channel,
        min(date_day) as first_day,
        max(date_day) as last_day
    from {{ ref('stg_raw__ad_spend') }}
    group by campaign_id
),

promotions as (
    select
        'promotions' as seen_in,
        campaign_id,
        min(starts_on) as first_day,
        max(ends_on) as last_day
    from {{ ref('stg_raw__promotions') }}
    group by campaign_id
),

touchpoints as (
    select
        'touchpoints' as seen_in,
        named_id as campaign_id,
        min(date_day) as first_day,
        max(date_day) as last_day
    from {{ ref('int_touchpoints__referenced') }}
    where named_by = 'campaign_id'
    group by named_id
),

sales as (
    select
        'sales' as seen_in,
        named_id as campaign_id,
        min(date_day) as first_day,
        max(date_day) as last_day
    from {{ ref('int_sales__referenced') }}
    where named_by = 'campaign_id'
    group by named_id
),

opportunities as (
    select
        'opportunities' as seen_in,
        campaign_id,
        min(date_day) as first_day,
        max(date_day) as last_day
    from {{ ref('stg_raw__opportunities') }}
    group by campaign_id
),

experiments as (
    select
        'experiments' as seen_in,
        campaign_id,
        min(starts_on) as first_day,
        max(ends_on) as last_day
    from {{ ref('stg_raw__experiments') }}
    group by campaign_id
),

named as (
    select * from ad_spend
    union all by name
    select * from promotions
    union all by name
    select * from touchpoints
    union all by name
    select * from sales
    union all by name
    select * from opportunities
    union all by name
    select * from experiments
),

final as (
    select
        campaign_id,
        -- Only advertising rows carry names.
        max(campaign_name) as campaign_name,
        max(platform) as platform,
        max(channel) as channel,
        min(first_day) as first_day,
        max(last_day) as last_day,
        string_agg(seen_in, ', ' order by seen_in) as seen_in
    from named
    where campaign_id is not null
    group by campaign_id
)

select * from final
