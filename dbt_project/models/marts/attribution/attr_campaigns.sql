with

{{ journeys_with_spend('campaign') }},

campaigns as (
    select * from {{ source('release', 'dim_campaigns') }}
),

final as (
    select
        priced_by.name as campaign,
        priced_by.rule,
        campaigns.campaign_name,
        coalesce(
            campaigns.channel,
            priced_by.channel,
            case
                when priced_by.name = '(unattributed)' then priced_by.name
                when starts_with(priced_by.name, '(no campaign) ') then priced_by.name[15:]
            end
        ) as channel,
        {{ journeys_figures() }}
    from priced_by
    left join campaigns
        on priced_by.name = campaigns.campaign_id
)

select * from final
