with

mix_checks as (
    select * from {{ source('mix', 'checks') }}
),

journeys_checks as (
    select * from {{ source('journeys', 'checks') }}
),

forecast_checks as (
    select * from {{ source('forecast', 'checks') }}
),

sign_offs as (
    select * from {{ source('configuration', 'sign_offs') }}
),

checks as (
    select
        check_name,
        subject,
        'attribute' as stage,
        severity,
        status,
        figure,
        threshold,
        text
    from mix_checks
    union all
    select
        check_name,
        subject,
        'attribute' as stage,
        severity,
        status,
        figure,
        threshold,
        text
    from journeys_checks
    union all
    select
        check_name,
        subject,
        'forecast' as stage,
        severity,
        status,
        figure,
        threshold,
        text
    from forecast_checks
),

final as (
    select
        checks.check_name,
        checks.subject,
        checks.stage,
        checks.severity,
        case
            when checks.status = 'fail' and sign_offs.words is not null then 'warn'
            else checks.status
        end as status,
        checks.figure,
        checks.threshold,
        case
            when checks.status = 'fail' and sign_offs.words is not null
                then concat(checks.text, ' ', sign_offs.words, '.')
            else checks.text
        end as text
    from checks
    left join sign_offs
        on
        checks.stage = sign_offs.stage
        and checks.check_name = sign_offs.check_name
        and checks.subject = sign_offs.subject
)

select * from final
