/** The charts of a run: throughput, requests in flight, waits and latency, each with its figures as a table. */
import type { SyncReport } from "../../index.ts"
import * as Chart from "./Chart.ts"
import * as Figures from "./Figures.ts"
import { type Content, html, type Markup } from "./Markup.ts"
import type { Bucket, History } from "./RunHistory.ts"
import * as Scale from "./Scale.ts"
import * as Words from "./Words.ts"

const perSecond = ({ from, records, to }: Bucket): number => (records * 1000) / (to - from)

const highest = (buckets: ReadonlyArray<Bucket>, value: (bucket: Bucket) => number): number =>
  buckets.reduce((max, bucket) => Math.max(max, value(bucket)), 0)

/** Records that a run brought to their outcome, in all and a second. */
export const pace = ({ buckets, elapsed }: History): { readonly records: number; readonly rate: number } => {
  const records = Math.round(buckets.reduce((sum, bucket) => sum + bucket.records, 0))
  return { records, rate: elapsed === 0 ? 0 : (records * 1000) / elapsed }
}

const figures = (columns: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): Markup =>
  html`<details>
<summary>Show the figures</summary>
<table>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>
${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table>
</details>
`

const legend = (lines: ReadonlyArray<Chart.Steps>): Markup =>
  html`<ul class="legend">${lines.map(
    ({ colour, filled, label }) =>
      html`<li><svg viewBox="0 0 20 10" aria-hidden="true">${
        filled ? html`<path class="area ${colour}" d="M0 2H20V10H0Z"/>` : undefined
      }<path class="line ${colour}" d="M0 2H20"/></svg>${label}</li>`
  )}</ul>
`

/** Records a second over time. */
export const throughput = (history: History): Markup => {
  const { buckets, elapsed } = history
  const max = highest(buckets, perSecond)
  const { records, rate } = pace(history)
  const told = `${Figures.amount(rate)} a second on average, ${Figures.amount(max)} at most; ${Figures.counted(records, "record")} in ${Figures.time(elapsed)}.`
  return html`<section aria-labelledby="throughput">
<h2 id="throughput">Throughput</h2>
<p class="note">Records that got their outcome: ${told}</p>
${Chart.overTime(
  { id: "throughput-chart", title: "Throughput over time, in records per second", description: told },
  {
    elapsed,
    unit: "records/s",
    values: (steps) => Scale.fromZero(max, steps),
    times: (most) => Scale.time(elapsed, most),
    lines: [
      {
        colour: "a",
        filled: true,
        label: "records/s",
        values: buckets.map((bucket) => ({ ...bucket, value: perSecond(bucket) }))
      }
    ]
  }
)}${figures(
  ["From", "Records", "Records/s"],
  buckets.map((bucket) => [
    Figures.time(bucket.from),
    Figures.amount(bucket.records),
    Figures.amount(perSecond(bucket))
  ])
)}</section>
`
}

/** Requests in flight over time. */
export const concurrency = ({ buckets, elapsed }: History): Markup => {
  const max = highest(buckets, ({ inFlightMax }) => inFlightMax)
  const mean = buckets.reduce((sum, { from, inFlight, to }) => sum + inFlight * (to - from), 0) / elapsed
  const told = `${Figures.amount(mean)} on average, ${Figures.count(max)} at most.`
  const lines: ReadonlyArray<Chart.Steps> = [
    {
      colour: "a",
      filled: true,
      label: "on average",
      values: buckets.map((bucket) => ({ ...bucket, value: bucket.inFlight }))
    },
    {
      colour: "b",
      filled: false,
      label: "at most",
      values: buckets.map((bucket) => ({ ...bucket, value: bucket.inFlightMax }))
    }
  ]
  return html`<section aria-labelledby="concurrency">
<h2 id="concurrency">Concurrency</h2>
<p class="note">Requests in flight at once, looked at ten times a second: ${told}</p>
${legend(lines)}${Chart.overTime(
  { id: "concurrency-chart", title: "Requests in flight over time", description: told },
  {
    elapsed,
    unit: "requests",
    values: (steps) => Scale.fromZero(max, steps, true),
    times: (most) => Scale.time(elapsed, most),
    lines
  }
)}${figures(
  ["From", "On average", "At most"],
  buckets.map((bucket) => [
    Figures.time(bucket.from),
    Figures.amount(bucket.inFlight),
    Figures.count(bucket.inFlightMax)
  ])
)}</section>
`
}

// A lane of the waits: its label, then its band.
const laneLabel = 18
const laneBand = 22
const laneHeight = 54

/** The part of the time in which something was waited for, by reason, over time. */
export const waits = ({ buckets, elapsed }: History): Markup => {
  const total = (reason: string): number => buckets.reduce((sum, { waits }) => sum + (waits[reason] ?? 0), 0)
  const lanes = [...new Set(buckets.flatMap(({ waits }) => Object.keys(waits)))]
    .map((reason) => ({ reason, ...Words.wait(reason), total: total(reason) }))
    .filter(({ total }) => total >= 1)
    .sort((a, b) => b.total - a.total)
  const of = (millis: number): string => `${Figures.time(millis)}, ${Figures.percent(millis / elapsed)}`
  const told = `${lanes.map(({ label, total }) => `${label}: ${of(total)} of the time`).join(". ")}.`
  const shareOf = ({ from, to, waits }: Bucket, reason: string): number => (waits[reason] ?? 0) / (to - from)
  return html`<section aria-labelledby="waits">
<h2 id="waits">Waits</h2>
${
  lanes.length === 0
    ? html`<p class="note">No request had to wait.</p>\n`
    : html`<p class="note">The part of the time in which at least one request waited. A full band: all of it. Reasons may overlap.</p>
${Chart.chart(
  { id: "waits-chart", title: "Waits over time, by reason, as parts of the time", description: told },
  (size) => {
    const area = Chart.plot(size, elapsed, 0)
    const base = lanes.length * laneHeight - (laneHeight - laneLabel - laneBand) + 8
    const content: Content = [
      lanes.map(({ label, reason, total }, index) => {
        const y = index * laneHeight
        const bottom = y + laneLabel + laneBand
        return [
          html`<text class="strong" x="0" y="${y + 12}">${label}</text>`,
          html`<text x="${area.right}" y="${y + 12}" text-anchor="end">${size.name === "wide" ? of(total) : Figures.time(total)}</text>`,
          html`<path class="track" d="M0 ${bottom - laneBand}H${area.right}V${bottom}H0Z"/>`,
          Chart.steps(
            {
              colour: "b",
              filled: true,
              values: buckets.map((bucket) => ({ ...bucket, value: shareOf(bucket, reason) }))
            },
            area,
            (value) => bottom - laneBand * value
          )
        ]
      }),
      Chart.timeAxis(area, Scale.time(elapsed, size.timeTicks), base)
    ]
    return { height: base + 30, content }
  }
)}${figures(
  ["From", ...lanes.map(({ short }) => short)],
  buckets.map((bucket) => [
    Figures.time(bucket.from),
    ...lanes.map(({ reason }) => Figures.percent(shareOf(bucket, reason)))
  ])
)}`
}</section>
`
}

const percentiles = [
  ["p50", "Half took at most", "50 %"],
  ["p90", "90 % took at most", "90 %"],
  ["p95", "95 % took at most", "95 %"],
  ["p99", "99 % took at most", "99 %"],
  ["max", "The longest took", "Longest"]
] as const

const rowHeight = 32

/** How long requests took. */
export const latency = ({ durations }: SyncReport.SyncReport): Markup => {
  // A clock that stood still cannot be put on a logarithmic axis.
  const smallest = 0.1
  const at = (millis: number): number => Math.max(smallest, millis)
  const told = `${percentiles.map(([key, label]) => `${label} ${Figures.time(durations[key])}`).join(", ")}.`
  const first = at(durations.p50)
  const ticks = Scale.decades(first, at(durations.max))
  const [from, to] = [Math.log10(ticks[0]?.at ?? 1), Math.log10(ticks.at(-1)?.at ?? 10)]
  return html`<section aria-labelledby="latency">
<h2 id="latency">Latency</h2>
<p class="note">How long a request took, from when it went out to the end of its answer. The axis is logarithmic.</p>
${
  durations.max === 0
    ? html`<p class="after">No request went out.</p>\n`
    : Chart.chart({ id: "latency-chart", title: "Latency of requests, by percentile", description: told }, (size) => {
        const [left, right] = [64, size.width - 84]
        const x = (millis: number): number => left + ((right - left) * (Math.log10(at(millis)) - from)) / (to - from)
        const base = percentiles.length * rowHeight + 4
        const content: Content = [
          ticks.map((tick) => [
            html`<path class="grid" d="M${Chart.px(x(tick.at))} 0V${base}"/>`,
            html`<text x="${Chart.px(x(tick.at))}" y="${base + 20}" text-anchor="middle">${tick.label}</text>`
          ]),
          percentiles.map(([key, , label], index) => {
            const y = index * rowHeight + rowHeight / 2 + 2
            return [
              html`<text class="strong" x="0" y="${y + 4}">${label}</text>`,
              html`<path class="grid" d="M${left} ${y}H${right}"/>`,
              html`<circle class="dot a" cx="${Chart.px(x(durations[key]))}" cy="${y}" r="5"/>`,
              html`<text class="strong" x="${size.width}" y="${y + 4}" text-anchor="end">${Figures.time(durations[key])}</text>`
            ]
          }),
          html`<path class="axis" d="M${left} ${base}H${right}"/>`
        ]
        return { height: base + 30, content }
      })
}${
  durations.max === 0
    ? undefined
    : figures(
        ["Requests", "Time"],
        percentiles.map(([key, label]) => [label, Figures.time(durations[key])])
      )
}</section>
`
}
