-- Every measure of every breakdown and month, by hand: what benchmarks/measures/against_sql.py holds the program against.

-- Small numbers in the place of texts, once: grouping and sorting is most of the work.
create temp table months as select month, row_number() over (order by month)::smallint as m from (select distinct month from $clock);
create temp table agencies as select agency_code, row_number() over (order by 1)::smallint as g from (select distinct agency_code from $clock);
create temp table topics as select topic_code, row_number() over (order by 1)::smallint as g from (select distinct topic_code from $clock);
create temp table areas as select area_code, row_number() over (order by 1)::smallint as g from (select distinct coalesce(area_code, 'unplaced') as area_code from $clock);
create temp table sources as select source_id, row_number() over (order by 1)::smallint as g from (select distinct source_id from $clock);

create temp table narrow as
select
    months.m, agencies.g as agency, topics.g as topic, areas.g as area, sources.g as source,
    response_minutes::integer as response, responded_at is not null as is_response,
    closing_minutes::integer as closing, closed_at is not null as is_closing
from $clock c
join months using (month)
join agencies using (agency_code)
join topics using (topic_code)
join areas on areas.area_code = coalesce(c.area_code, 'unplaced')
join sources using (source_id);

create temp table counts as
select
    coalesce(month, 'all') as interval,
    case
        when grouping(agency_code) = 0 then 'agency' when grouping(topic_code) = 0 then 'topic'
        when grouping(area) = 0 then 'area' when grouping(source_id) = 0 then 'source' else 'all'
    end as breakdown,
    coalesce(agency_code, topic_code, area, source_id, 'all') as group_code,
    count(*) as raised,
    count(*) filter (closed_at is null) as still_open,
    count(*) filter (is_time_possible) as possible,
    count(*) filter (is_time_possible and acknowledged_at is not null) as acknowledged,
    count(*) filter (is_time_possible and is_response_expected) as expected,
    count(*) filter (is_time_possible and is_response_expected and responded_at is not null) as responded,
    count(*) filter (known_minutes >= 10080) as known_7d,
    count(*) filter (known_minutes >= 10080 and responded_at is not null and response_minutes <= 10080) as in_7d,
    count(*) filter (known_minutes >= 40320) as known_28d,
    count(*) filter (known_minutes >= 40320 and responded_at is not null and response_minutes <= 40320) as in_28d,
    count(*) filter (known_minutes >= 129600) as known_90d,
    count(*) filter (known_minutes >= 129600 and responded_at is not null and response_minutes <= 129600) as in_90d,
    count(response_minutes) as response_cases,
    count(response_minutes) filter (responded_at is not null) as response_events,
    count(closing_minutes) as closing_cases,
    count(closing_minutes) filter (closed_at is not null) as closing_events
from (select *, coalesce(area_code, 'unplaced') as area from $clock)
group by grouping sets (
    (), (agency_code), (topic_code), (area), (source_id),
    (month), (month, agency_code), (month, topic_code), (month, area), (month, source_id)
);

-- What stopped being open, by the month in which it did: the stock of each month follows from it by a running sum.
create temp table ended as
select
    coalesce(agency_code, topic_code, area, source_id, 'all') as group_code,
    case
        when grouping(agency_code) = 0 then 'agency' when grouping(topic_code) = 0 then 'topic'
        when grouping(area) = 0 then 'area' when grouping(source_id) = 0 then 'source' else 'all'
    end as breakdown,
    month, count(*) as n
from (
    select
        strftime(timezone('America/Los_Angeles', timezone('UTC', closed_at)), '%Y-%m') as month,
        agency_code, topic_code, coalesce(area_code, 'unplaced') as area, source_id
    from $clock where closed_at is not null
)
group by grouping sets ((month), (month, agency_code), (month, topic_code), (month, area), (month, source_id));

create temp table result as
select 'raised' as measure, interval, breakdown, group_code, raised::double as value, null::double as low, null::double as high, raised as numerator, null::bigint as denominator from counts
union all
select 'open', interval, breakdown, group_code, still_open, null, null, still_open, null from counts where interval = 'all'
union all
select 'open', month, breakdown, group_code, stock::double, null, null, stock, null
from (
    select
        month, breakdown, group_code,
        (sum(coalesce(raised, 0) - coalesce(ended.n, 0)) over (partition by breakdown, group_code order by month))::bigint as stock
    from (select * from (select distinct breakdown, group_code from counts) cross join (select month from months))
    left join (select interval as month, * from counts) using (month, breakdown, group_code)
    left join ended using (month, breakdown, group_code)
);

insert into result
with shares as (
    select unnest([
        {measure: 'acknowledged_rate', x: acknowledged, n: possible},
        {measure: 'response_rate', x: responded, n: expected},
        {measure: 'response_rate_7d', x: in_7d, n: known_7d},
        {measure: 'response_rate_28d', x: in_28d, n: known_28d},
        {measure: 'response_rate_90d', x: in_90d, n: known_90d},
        -- Of a source that nobody asks, nothing is known.
        {measure: '', x: 0, n: 0}
    ], recursive := true), interval, breakdown, group_code
    from counts
)
select
    measure, interval, breakdown, group_code,
    case when n >= 10 then x / n end,
    case when n >= 10 then case when x = 0 then 0 else ((x / n + 3.8416 / (2 * n)) - 1.96 * sqrt((x / n) * (1 - x / n) / n + 3.8416 / (4.0 * n * n))) / (1 + 3.8416 / n) end end,
    case when n >= 10 then case when x = n then 1 else ((x / n + 3.8416 / (2 * n)) + 1.96 * sqrt((x / n) * (1 - x / n) / n + 3.8416 / (4.0 * n * n))) / (1 + 3.8416 / n) end end,
    x, n
from shares where measure <> '';

-- agency, response
create or replace temp table times as
select agency, m, response as t, count(*) as n, count(*) filter (is_response) as d from narrow where response is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select agency, t, d::double as d, sum(n::double) over (partition by agency order by t rows between current row and unbounded following) as w
    from (select agency, t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select agency, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by agency order by t rows between unbounded preceding and current row)
)
select agency, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by agency)
union all by name
select * from (
with at_risk as (
    select agency, m, t, d::double as d, sum(n::double) over (partition by agency, m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select agency, m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by agency, m order by t rows between unbounded preceding and current row)
)
select agency, m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by agency, m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, agency_code as group_code
    from points left join months on points.m = months.m join agencies on points.agency = agencies.g
)
select 'median_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then median / 1440 end, case when response_cases >= 10 then median_low / 1440 end,
    case when response_cases >= 10 then median_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'agency'
union all
select 'p90_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then p90 / 1440 end, case when response_cases >= 10 then p90_low / 1440 end,
    case when response_cases >= 10 then p90_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'agency';

-- agency, closing
create or replace temp table times as
select agency, m, closing as t, count(*) as n, count(*) filter (is_closing) as d from narrow where closing is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select agency, t, d::double as d, sum(n::double) over (partition by agency order by t rows between current row and unbounded following) as w
    from (select agency, t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select agency, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by agency order by t rows between unbounded preceding and current row)
)
select agency, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by agency)
union all by name
select * from (
with at_risk as (
    select agency, m, t, d::double as d, sum(n::double) over (partition by agency, m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select agency, m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by agency, m order by t rows between unbounded preceding and current row)
)
select agency, m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by agency, m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, agency_code as group_code
    from points left join months on points.m = months.m join agencies on points.agency = agencies.g
)
select 'median_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then median / 1440 end, case when closing_cases >= 10 then median_low / 1440 end,
    case when closing_cases >= 10 then median_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'agency'
union all
select 'p90_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then p90 / 1440 end, case when closing_cases >= 10 then p90_low / 1440 end,
    case when closing_cases >= 10 then p90_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'agency';

-- topic, response
create or replace temp table times as
select topic, m, response as t, count(*) as n, count(*) filter (is_response) as d from narrow where response is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select topic, t, d::double as d, sum(n::double) over (partition by topic order by t rows between current row and unbounded following) as w
    from (select topic, t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select topic, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by topic order by t rows between unbounded preceding and current row)
)
select topic, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by topic)
union all by name
select * from (
with at_risk as (
    select topic, m, t, d::double as d, sum(n::double) over (partition by topic, m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select topic, m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by topic, m order by t rows between unbounded preceding and current row)
)
select topic, m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by topic, m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, topic_code as group_code
    from points left join months on points.m = months.m join topics on points.topic = topics.g
)
select 'median_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then median / 1440 end, case when response_cases >= 10 then median_low / 1440 end,
    case when response_cases >= 10 then median_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'topic'
union all
select 'p90_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then p90 / 1440 end, case when response_cases >= 10 then p90_low / 1440 end,
    case when response_cases >= 10 then p90_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'topic';

-- topic, closing
create or replace temp table times as
select topic, m, closing as t, count(*) as n, count(*) filter (is_closing) as d from narrow where closing is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select topic, t, d::double as d, sum(n::double) over (partition by topic order by t rows between current row and unbounded following) as w
    from (select topic, t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select topic, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by topic order by t rows between unbounded preceding and current row)
)
select topic, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by topic)
union all by name
select * from (
with at_risk as (
    select topic, m, t, d::double as d, sum(n::double) over (partition by topic, m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select topic, m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by topic, m order by t rows between unbounded preceding and current row)
)
select topic, m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by topic, m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, topic_code as group_code
    from points left join months on points.m = months.m join topics on points.topic = topics.g
)
select 'median_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then median / 1440 end, case when closing_cases >= 10 then median_low / 1440 end,
    case when closing_cases >= 10 then median_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'topic'
union all
select 'p90_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then p90 / 1440 end, case when closing_cases >= 10 then p90_low / 1440 end,
    case when closing_cases >= 10 then p90_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'topic';

-- area, response
create or replace temp table times as
select area, m, response as t, count(*) as n, count(*) filter (is_response) as d from narrow where response is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select area, t, d::double as d, sum(n::double) over (partition by area order by t rows between current row and unbounded following) as w
    from (select area, t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select area, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by area order by t rows between unbounded preceding and current row)
)
select area, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by area)
union all by name
select * from (
with at_risk as (
    select area, m, t, d::double as d, sum(n::double) over (partition by area, m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select area, m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by area, m order by t rows between unbounded preceding and current row)
)
select area, m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by area, m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, area_code as group_code
    from points left join months on points.m = months.m join areas on points.area = areas.g
)
select 'median_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then median / 1440 end, case when response_cases >= 10 then median_low / 1440 end,
    case when response_cases >= 10 then median_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'area'
union all
select 'p90_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then p90 / 1440 end, case when response_cases >= 10 then p90_low / 1440 end,
    case when response_cases >= 10 then p90_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'area';

-- area, closing
create or replace temp table times as
select area, m, closing as t, count(*) as n, count(*) filter (is_closing) as d from narrow where closing is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select area, t, d::double as d, sum(n::double) over (partition by area order by t rows between current row and unbounded following) as w
    from (select area, t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select area, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by area order by t rows between unbounded preceding and current row)
)
select area, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by area)
union all by name
select * from (
with at_risk as (
    select area, m, t, d::double as d, sum(n::double) over (partition by area, m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select area, m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by area, m order by t rows between unbounded preceding and current row)
)
select area, m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by area, m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, area_code as group_code
    from points left join months on points.m = months.m join areas on points.area = areas.g
)
select 'median_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then median / 1440 end, case when closing_cases >= 10 then median_low / 1440 end,
    case when closing_cases >= 10 then median_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'area'
union all
select 'p90_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then p90 / 1440 end, case when closing_cases >= 10 then p90_low / 1440 end,
    case when closing_cases >= 10 then p90_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'area';

-- source, response
create or replace temp table times as
select source, m, response as t, count(*) as n, count(*) filter (is_response) as d from narrow where response is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select source, t, d::double as d, sum(n::double) over (partition by source order by t rows between current row and unbounded following) as w
    from (select source, t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select source, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by source order by t rows between unbounded preceding and current row)
)
select source, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by source)
union all by name
select * from (
with at_risk as (
    select source, m, t, d::double as d, sum(n::double) over (partition by source, m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select source, m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by source, m order by t rows between unbounded preceding and current row)
)
select source, m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by source, m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, source_id as group_code
    from points left join months on points.m = months.m join sources on points.source = sources.g
)
select 'median_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then median / 1440 end, case when response_cases >= 10 then median_low / 1440 end,
    case when response_cases >= 10 then median_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'source'
union all
select 'p90_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then p90 / 1440 end, case when response_cases >= 10 then p90_low / 1440 end,
    case when response_cases >= 10 then p90_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'source';

-- source, closing
create or replace temp table times as
select source, m, closing as t, count(*) as n, count(*) filter (is_closing) as d from narrow where closing is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select source, t, d::double as d, sum(n::double) over (partition by source order by t rows between current row and unbounded following) as w
    from (select source, t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select source, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by source order by t rows between unbounded preceding and current row)
)
select source, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by source)
union all by name
select * from (
with at_risk as (
    select source, m, t, d::double as d, sum(n::double) over (partition by source, m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select source, m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by source, m order by t rows between unbounded preceding and current row)
)
select source, m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by source, m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, source_id as group_code
    from points left join months on points.m = months.m join sources on points.source = sources.g
)
select 'median_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then median / 1440 end, case when closing_cases >= 10 then median_low / 1440 end,
    case when closing_cases >= 10 then median_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'source'
union all
select 'p90_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then p90 / 1440 end, case when closing_cases >= 10 then p90_low / 1440 end,
    case when closing_cases >= 10 then p90_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'source';

-- all, response
create or replace temp table times as
select m, response as t, count(*) as n, count(*) filter (is_response) as d from narrow where response is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select t, d::double as d, sum(n::double) over (order by t rows between current row and unbounded following) as w
    from (select t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (order by t rows between unbounded preceding and current row)
)
select 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve)
union all by name
select * from (
with at_risk as (
    select m, t, d::double as d, sum(n::double) over (partition by m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by m order by t rows between unbounded preceding and current row)
)
select m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, 'all' as group_code
    from points left join months on points.m = months.m 
)
select 'median_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then median / 1440 end, case when response_cases >= 10 then median_low / 1440 end,
    case when response_cases >= 10 then median_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'all'
union all
select 'p90_days_to_first_response' as measure, interval, breakdown, group_code,
    case when response_cases >= 10 then p90 / 1440 end, case when response_cases >= 10 then p90_low / 1440 end,
    case when response_cases >= 10 then p90_high / 1440 end, response_events, response_cases
from counts left join named using (interval, group_code) where breakdown = 'all';

-- all, closing
create or replace temp table times as
select m, closing as t, count(*) as n, count(*) filter (is_closing) as d from narrow where closing is not null group by all;
create or replace temp table points as
select *, null::smallint as m from (
with at_risk as (
    select t, d::double as d, sum(n::double) over (order by t rows between current row and unbounded following) as w
    from (select t, sum(n) as n, sum(d) as d from times group by all)
),
curve as (
    select t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (order by t rows between unbounded preceding and current row)
)
select 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve)
union all by name
select * from (
with at_risk as (
    select m, t, d::double as d, sum(n::double) over (partition by m order by t rows between current row and unbounded following) as w
    from times
),
curve as (
    select m, t, w = d as is_end,
        sum(case when w = d then 0 else ln((w - d) / w) end) over so_far as s,
        sum(case when w = d then 0 else d / (w * (w - d)) end) over so_far as v
    from at_risk where d > 0
    window so_far as (partition by m order by t rows between unbounded preceding and current row)
)
select m, 
    min(t) filter (is_end or s <= ln(0.5 + 1e-12)) as median,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.5 + 1e-12))) as median_high,
    min(t) filter (is_end or s <= ln(0.1 + 1e-12)) as p90,
    min(t) filter (is_end or ln(nullif(-s, 0)) + 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_low,
    min(t) filter (is_end or ln(nullif(-s, 0)) - 1.959963984540054 * sqrt(v) / nullif(-s, 0) >= ln(-ln(0.1 + 1e-12))) as p90_high
from curve group by m);
insert into result
with named as (
    select points.*, coalesce(month, 'all') as interval, 'all' as group_code
    from points left join months on points.m = months.m 
)
select 'median_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then median / 1440 end, case when closing_cases >= 10 then median_low / 1440 end,
    case when closing_cases >= 10 then median_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'all'
union all
select 'p90_days_to_closing' as measure, interval, breakdown, group_code,
    case when closing_cases >= 10 then p90 / 1440 end, case when closing_cases >= 10 then p90_low / 1440 end,
    case when closing_cases >= 10 then p90_high / 1440 end, closing_events, closing_cases
from counts left join named using (interval, group_code) where breakdown = 'all';
