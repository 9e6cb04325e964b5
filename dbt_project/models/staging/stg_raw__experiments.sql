{{ config(materialized='view') }}
with

experiments as (
    select * from {{ source('raw', 'experiments') }}
),

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
        spend,
        currency_code,
        effect,
        effect_se,
        status,
        _source,
        _file_hash,
        _row_number
    from experiments
)

select * from final
