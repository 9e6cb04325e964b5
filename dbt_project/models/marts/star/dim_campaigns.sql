with

campaigns as (
    select * from {{ ref('stg_raw__campaigns') }}
),

seen as (
    select * from {{ ref('int_campaigns__seen') }}
),

final as (
    select
        coalesce(campaigns.campaign_id, seen.campaign_id) as campaign_id,
        coalesce(campaigns.campaign_name, seen.campaign_name) as campaign_name,
        coalesce(campaigns.platform, seen.platform) as platform,
        coalesce(campaigns.channel, seen.channel) as channel,
        campaigns.objective,
        campaigns.starts_on,
        campaigns.ends_on,
        seen.first_day,
        seen.last_day,
        seen.seen_in,
        campaigns.campaign_id is not null as is_listed
    from campaigns
    full join seen
        on campaigns.campaign_id = seen.campaign_id
)

select * from final
