/** The report of a run as one page of HTML: no network, no script, no customer data. */
import { type Ledger, RateFinding, SourceNote, SyncReport } from "../../index.ts"
import * as Figures from "./Figures.ts"
import { type Content, html, type Markup } from "./Markup.ts"
import * as RunCharts from "./RunCharts.ts"
import type { History } from "./RunHistory.ts"
import * as Style from "./Style.ts"
import * as Verdict from "./Verdict.ts"
import * as Words from "./Words.ts"

export interface Options {
  readonly report: SyncReport.SyncReport
  /** From a `RunHistory`. */
  readonly history: History
  /** When the run ended: milliseconds since 1970. */
  readonly finishedAt: number
  /** What was read, as a person calls it: a file name. Default: not shown. */
  readonly source?: string | undefined
  /** Why the run stopped, in a sentence. Default: the tag in the report. */
  readonly why?: string | undefined
  /** The command that goes on from where the run stopped, or, without a checkpoint, starts over. Default: not shown. */
  readonly command?: string | undefined
  /** The command that sends the refused records again. Default: not shown. */
  readonly retry?: string | undefined
  /** The option that gives the limit that was found. Default: not shown. */
  readonly nextTime?: string | undefined
  /** The file that holds the refused records. Default: not shown. */
  readonly deadLetters?: string | undefined
}

/** The whole page. The same options give the same text. */
export const render = (options: Options): string => {
  const { history, report } = options
  const verdict = Verdict.of(report)
  const style = html`<style>${Style.markup}</style>`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${Style.source}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${verdict.headline} – Patchbay</title>
${style}
</head>
<body>
<main>
${header(options, verdict)}${facts(report, history)}${outcomes(report)}${refused(options)}${
  report.nothingNew === true || history.buckets.length === 0 || (report.read === 0 && report.requests === 0)
    ? undefined
    : [
        RunCharts.throughput(history),
        RunCharts.concurrency(history),
        RunCharts.waits(history),
        RunCharts.latency(report)
      ]
}</main>
<footer>
<p class="note">Written by Patchbay. This page holds no customer data and loads nothing.</p>
</footer>
</body>
</html>
`.text
}

const badges: { readonly [Tone in Verdict.Verdict["tone"]]: Markup } = {
  good: html`<circle cx="12" cy="12" r="9"/><path d="M8 12.5l2.8 2.8L16.2 9.5"/>`,
  warn: html`<path d="M12 3.5L21.5 20h-19Z"/><path d="M12 10v4.5M12 17.2v.1"/>`,
  bad: html`<circle cx="12" cy="12" r="9"/><path d="M9 9l6 6M15 9l-6 6"/>`,
  idle: html`<circle cx="12" cy="12" r="9"/><path d="M8 12h8"/>`
}

const utc = (millis: number): string => `${new Date(millis).toISOString().slice(0, 19).replace("T", " ")} UTC`

const header = (
  { command, finishedAt, nextTime, report, retry, source, why }: Options,
  verdict: Verdict.Verdict
): Markup => {
  const about: ReadonlyArray<readonly [string, string]> = [
    ...(source === undefined ? [] : [["Source", source] as const]),
    ["Destination", report.destination],
    ["Ended", utc(finishedAt)],
    ...(report.stopped === undefined || report.stopped === "Interrupted"
      ? []
      : [["Stopped by", why === undefined ? report.stopped : `${report.stopped}: ${why}`] as const]),
    ...(report.unsettled === undefined
      ? []
      : [["Batches not settled in time", SyncReport.unsettled(report.unsettled)] as const]),
    ...(report.resumedFrom === undefined
      ? []
      : [["Went on from", `offset ${Figures.count(report.resumedFrom)}`] as const]),
    ...(report.checkpoint === undefined
      ? []
      : [["Checkpoint", `every record before offset ${Figures.count(report.checkpoint)} is done`] as const]),
    ...(report.found === undefined
      ? []
      : [["Rate limit", RateFinding.format(report.found).join("; ").replaceAll(" %", "\u00a0%")] as const]),
    ...(nextTime === undefined ? [] : [["Next time", `add ${nextTime}`] as const]),
    ...(report.notes ?? []).map(SourceNote.format)
  ]
  const steps: ReadonlyArray<readonly [string, string]> = [
    ...(command === undefined ? [] : [[goesOn(report), command] as const]),
    ...(retry === undefined ? [] : [["Put the causes right, then send the refused records again:", retry] as const])
  ]
  return html`<header>
<p class="badge ${verdict.tone}"><svg viewBox="0 0 24 24" aria-hidden="true">${badges[verdict.tone]}</svg>${verdict.badge}</p>
<h1>${verdict.headline}</h1>
${verdict.more.length === 0 ? undefined : html`<p class="lead">${verdict.more.join(" ")}</p>\n`}<dl class="about">
${about.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>
</header>
${
  steps.length === 0
    ? undefined
    : html`<section aria-labelledby="next">
<h2 id="next">What to do next</h2>
${steps.map(([does, line], index) => html`<p${index === 0 ? undefined : html` class="step"`}>${does}</p>\n<pre><code>${words(line)}</code></pre>\n`)}</section>
`
}`
}

// A line is broken between two words, not at the hyphens of an option.
const words = (line: string): Content =>
  line.split(" ").map((word, index) => [index === 0 ? "" : " ", html`<span>${word}</span>`])

const goesOn = ({ checkpoint, stopped }: SyncReport.SyncReport): string =>
  stopped !== undefined && checkpoint !== undefined
    ? "Go on from where this run stopped:"
    : "Run it again, from the start:"

const facts = (report: SyncReport.SyncReport, history: History): Content => {
  if (report.nothingNew === true) return undefined
  const fact = (name: string, value: string, more: string): Markup =>
    html`<div><dt>${name}</dt><dd>${value}</dd><dd class="note">${more}</dd></div>\n`
  const { rate } = RunCharts.pace(history)
  const all = report.resumedFrom === undefined ? "" : ", all runs"
  return html`<dl class="facts">
${fact("Time", Figures.time(report.elapsed), report.resumedFrom === undefined ? "from start to end" : "this run")}${fact(
  "Records per second",
  Figures.amount(rate),
  "on average"
)}${fact(`Requests${all}`, Figures.count(report.requests), report.retries === 1 ? "1 retry" : `${Figures.count(report.retries)} retries`)}${fact(
  `Sent${all}`,
  Figures.bytes(report.bytes),
  report.batches === 1 ? "1 batch" : `${Figures.count(report.batches)} batches`
)}</dl>
`
}

const order: ReadonlyArray<keyof Ledger.Counts> = [
  "Applied",
  "Accepted",
  "Merged",
  "Skipped",
  "Rejected",
  "Unknown",
  "Unsent"
]

const outcomes = ({ nothingNew, outcomes, read, resumedFrom }: SyncReport.SyncReport): Markup => {
  const row = (name: keyof Ledger.Counts): Markup => {
    const records = outcomes[name]
    return html`<tr${records === 0 ? html` class="none"` : undefined}><th scope="row"><svg class="swatch ${name.toLowerCase()}" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2"/></svg>${name}${
      records === 0 ? undefined : html`<span class="means">${Words.outcomes[name]}</span>`
    }</th><td>${Figures.count(records)}</td><td>${Figures.share(records, read)}</td></tr>\n`
  }
  return html`<section aria-labelledby="outcomes">
<h2 id="outcomes">Outcomes</h2>
<p class="note">Every record that was read has exactly one.${
    resumedFrom === undefined && nothingNew !== true ? undefined : " Those of the runs before this one are counted too."
  }</p>
${read === 0 ? undefined : parts(outcomes, read)}<table class="outcomes">
<thead><tr><th scope="col">Outcome</th><th scope="col">Records</th><th scope="col">Share</th></tr></thead>
<tbody>
${order.map(row)}</tbody>
<tfoot><tr><th scope="row">Records read</th><td>${Figures.count(read)}</td><td>${read === 0 ? "–" : "100\u00a0%"}</td></tr></tfoot>
</table>
</section>
`
}

// Of a bar of 840: what is there must be seen, however little it is.
const barWidth = 840
const leastPart = 4
const gap = 2

const parts = (counts: Ledger.Counts, read: number): Markup => {
  const shown = order.filter((name) => counts[name] > 0)
  const room = barWidth - gap * (shown.length - 1) - leastPart * shown.length
  let x = 0
  const drawn = shown.map((name) => {
    const width = leastPart + (room * counts[name]) / read
    const part = html`<rect class="${name.toLowerCase()}" x="${x.toFixed(2)}" width="${width.toFixed(2)}" height="12"/>`
    x += width + gap
    return part
  })
  const description = shown.map(
    (name) => `${name}: ${Figures.count(counts[name])}, ${Figures.share(counts[name], read)}`
  )
  return html`<svg class="parts" viewBox="0 0 ${barWidth} 12" preserveAspectRatio="none" role="img" aria-labelledby="parts-title" aria-describedby="parts-desc">
<title id="parts-title">Outcomes as parts of all records</title>
<desc id="parts-desc">${description.join("; ")}.</desc>
${drawn}
</svg>
`
}

const refused = ({ deadLetters, report }: Options): Content => {
  const reasons = Object.entries(report.reasons).sort(([, a], [, b]) => b - a)
  const unknown = report.outcomes.Unknown > 0
  if (report.nothingNew === true && reasons.length === 0) return undefined
  if (report.read === 0) return undefined
  return html`<section aria-labelledby="refused">
<h2 id="refused">${unknown ? "Refused and unknown records" : "Refused records"}</h2>
${
  reasons.length === 0
    ? html`<p class="note">None.</p>\n`
    : html`<p class="note">By reason, with the first offsets of each: positions in the source, counted from 0.${
        deadLetters === undefined
          ? undefined
          : html` What is wrong with each refused record stands in <code>${deadLetters}</code>.`
      }</p>
<table>
<thead><tr><th scope="col">Reason</th><th scope="col" class="left">First offsets</th><th scope="col">Records</th></tr></thead>
<tbody>
${reasons.map(([tag, records]) => {
  const means = Words.reason(tag)
  const offsets = Object.hasOwn(report.offsets, tag) ? (report.offsets[tag] ?? []) : []
  return html`<tr><th scope="row">${tag}${means === undefined ? undefined : html`<span class="means">${means}</span>`}</th><td class="left offsets">${
    offsets.length === 0 ? "–" : `${offsets.map(Figures.count).join(" · ")}${records > offsets.length ? " …" : ""}`
  }</td><td>${Figures.count(records)}</td></tr>\n`
})}</tbody>
</table>
`
}</section>
`
}
