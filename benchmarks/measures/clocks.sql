-- Clocks of made-up feedback: ten years, 20 agencies, 15 topics, 40 areas (and some without one), two sources.
-- Waits spread over minutes to years; young feedback is still waiting at T.
with drawn as (
    select
        i,
        hash(i, $seed, 1) as a, hash(i, $seed, 2) as b, hash(i, $seed, 3) as c, hash(i, $seed, 4) as d,
        hash(i, $seed, 5) as e, hash(i, $seed, 6) as f, hash(i, $seed, 7) as g,
        timestamp '2025-01-01 07:00:00' as as_of_at
    from range($rows) as numbers (i)
),
waits as (
    select
        *,
        as_of_at - to_seconds((a % 315360000)::bigint) as created_at,
        -- Log-normal by Box and Muller.
        exp(8.5 + 2.2 * sqrt(-2 * ln((b % 1000003 + 1) / 1000005.0)) * cos(6.283185307 * (c % 1000003) / 1000003.0)) as closing,
        exp(8.0 + 2.0 * sqrt(-2 * ln((d % 1000003 + 1) / 1000005.0)) * cos(6.283185307 * (e % 1000003) / 1000003.0)) as response
    from drawn
),
events as (
    select
        *,
        (epoch(as_of_at) - epoch(created_at))::bigint // 60 as known,
        f % 100 < 95 and closing < (epoch(as_of_at) - epoch(created_at))::bigint // 60 as is_closed,
        f // 100 % 100 < 55 and response < (epoch(as_of_at) - epoch(created_at))::bigint // 60 as is_answered
    from waits
)
select
    i::varchar as feedback_id,
    case when g % 7 > 0 then 'city' else 'hall' end as source_id,
    strftime(timezone('America/Los_Angeles', timezone('UTC', created_at)), '%Y-%m') as month,
    'a' || least(g % 29, 19) as agency_code,
    't' || least(g // 29 % 21, 14) as topic_code,
    case when g // 609 % 10 > 0 then 'd' || g // 6090 % 40 end as area_code,
    created_at,
    as_of_at,
    null::bigint as support_count,
    case when is_answered or is_closed then created_at + to_minutes(least(
        case when is_answered then floor(response)::bigint end, case when is_closed then floor(closing)::bigint end
    )) end as acknowledged_at,
    case when is_answered then created_at + to_minutes(floor(response)::bigint) end as responded_at,
    case when is_closed then created_at + to_minutes(floor(closing)::bigint) end as closed_at,
    null::timestamp as confirmed_at,
    f // 10000 % 500 > 0 as is_time_possible,
    true as is_response_expected,
    true as is_rate_published,
    created_at as response_start_at,
    case when f // 10000 % 500 > 0 then case when is_answered then floor(response)::bigint else known end end as response_minutes,
    case when f // 10000 % 500 > 0 then known end as known_minutes,
    case when f // 10000 % 500 > 0 then case when is_closed then floor(closing)::bigint else known end end as closing_minutes,
    case when is_closed then 'unknown' end as closing_reason
from events
order by month
