{{ config(materialized='view') }}
with

experiments as (
    select * from {{ source('raw', 'experiments') }}
),

{{ priced('experiments', 'starts_on') }},

final as (
    select
        experiment_id,
        experiment_name,
        design,
        kind,
        driver,
        campaign_id,
        territory_id,
        arm,
        starts_on,
        ends_on,
        {{ in_reporting_currency('spend', 'fx_rate') }} as spend,
        {{ in_reporting_currency('effect', 'fx_rate') }} as effect,
        effect_se * cast(fx_rate as double) as effect_se,
        spend as landed_spend,
        effect as landed_effect,
        effect_se as landed_effect_se,
        currency_code as landed_currency,
        fx_rate,
        status,
        _source,
        _file_hash,
        _row_number
    from priced
)

select * from final
