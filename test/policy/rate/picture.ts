/**
 * Draws a run of the default policy in virtual time, for `docs/rate-limits.md`. Run as a script, it writes the picture.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Chart from "../../../src/cli/report/Chart.ts"
import { type Content, html } from "../../../src/cli/report/Markup.ts"
import * as Scale from "../../../src/cli/report/Scale.ts"
import * as Style from "../../../src/cli/report/Style.ts"
import * as LimitFinder from "../../../src/policy/rate/LimitFinder.ts"
import * as LimitSimulation from "../LimitSimulation.ts"

/** Where it belongs. */
export const path = join(import.meta.dirname, "../../../docs/rate-limits.svg")

const seconds = 140

// What the server does, in seconds of the run.
const othersFrom = 40
const othersTo = 70
const freeFrom = 100
const limit = 100
const others = 50
const share = 0.05

interface Run {
  readonly answers: ReadonlyArray<LimitSimulation.Answer>
  /** The limit as it is believed to be, and from when on. */
  readonly believed: ReadonlyArray<{ readonly at: number; readonly limit: number | undefined }>
}

/** The run that is drawn. */
export const run = (): Run => {
  const finder = LimitFinder.make()
  const believed: Array<Run["believed"][number]> = [{ at: 0, limit: undefined }]
  const look = (at: number) => {
    const limit = finder.limit()
    if (limit !== believed.at(-1)?.limit) believed.push({ at, limit })
  }
  const allows = LimitSimulation.slidingWindow(() => limit)
  let next = othersFrom * 1000
  const server = (now: number) => {
    for (; next <= Math.min(now, othersTo * 1000); next += 1000 / others) allows(next)
    return now >= freeFrom * 1000 || allows(now)
  }
  const answers = LimitSimulation.simulate({
    finder: {
      ...finder,
      onAccepted: (now, started) => {
        finder.onAccepted(now, started)
        look(now)
      },
      onLimited: (now, started) => {
        const moved = finder.onLimited(now, started)
        look(now)
        return moved
      }
    },
    server: LimitSimulation.noisy((now) => (now >= freeFrom * 1000 ? share : 0), LimitSimulation.seeded(1), server),
    seconds,
    roundTrip: 20,
    jitter: 0.1,
    random: LimitSimulation.seeded(2),
    inFlight: 8
  })
  return { answers, believed }
}

/** So many a second, each second. */
const perSecond = (answers: Run["answers"], counts: (answer: LimitSimulation.Answer) => boolean) => {
  const values = Array.from({ length: seconds }, (_, i) => ({ from: i * 1000, to: (i + 1) * 1000, value: 0 }))
  for (const answer of answers) {
    const value = values[Math.floor(answer.at / 1000)]
    if (value !== undefined && counts(answer)) value.value++
  }
  return values
}

const width = 840
const height = 420
const from = { name: "wide", width, plot: 0, timeTicks: 8, valueTicks: 4 } as const
const rates = { top: 78, base: 288, max: 400 }
const refusals = { top: 322, base: 382 }
const elapsed = seconds * 1000

const colours = (set: (typeof Style.colours)["light" | "dark"]): string =>
  `svg{--ground:${set.ground};--text:${set.text};--muted:${set.muted};--rule:${set.rule};--a:${set.a};--b:${set.b};--bad:${set.bad}}`

const style = `${colours(Style.colours.light)}
@media (prefers-color-scheme:dark){${colours(Style.colours.dark)}}
text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--muted)}
.strong{fill:var(--text)}
.ground{fill:var(--ground)}
path{fill:none;stroke-width:1.5}
.axis,.grid,.act{stroke:var(--rule);stroke-width:1}
.act{stroke-dasharray:2 4;stroke:var(--muted)}
.area{fill:var(--c);fill-opacity:.16;stroke:none}
.line{stroke:var(--c)}
.allowed{stroke:var(--muted);stroke-dasharray:5 4}
.a{--c:var(--a)}
.b{--c:var(--b)}
.bar{fill:var(--bad)}`

/** The picture, which is the same each time. */
export const draw = (): string => {
  const { answers, believed } = run()
  const plot = Chart.plot(from, elapsed, 52)
  const { left, right, x } = plot
  const y = (value: number): number => rates.base - ((rates.base - rates.top) * value) / rates.max
  const refused = perSecond(answers, ({ allowed }) => !allowed)
  const most = Math.max(...refused.map(({ value }) => value))
  const barTicks = Scale.fromZero(most, 2, true)
  const mostShown = barTicks.at(-1)?.at ?? most
  const yRefused = (value: number): number => refusals.base - ((refusals.base - refusals.top) * value) / mostShown

  // A line for each time in which a limit is believed.
  const spans = believed.flatMap(({ at, limit }, index) =>
    limit === undefined ? [] : [{ from: at, to: believed[index + 1]?.at ?? elapsed, value: limit }]
  )
  const lines = spans
    .reduce<Array<Array<(typeof spans)[number]>>>((lines, span) => {
      const last = lines.at(-1)
      if (last?.at(-1)?.to === span.from) last.push(span)
      else lines.push([span])
      return lines
    }, [])
    .map((values) => Chart.steps({ colour: "b", filled: false, values }, plot, y))

  const allowed = `M${Chart.px(x(0))} ${y(limit)}H${Chart.px(x(othersFrom * 1000))}V${y(limit - others)}H${Chart.px(
    x(othersTo * 1000)
  )}V${y(limit)}H${Chart.px(x(freeFrom * 1000))}`

  const act = (at: number, lines: ReadonlyArray<string>): Content => [
    at === 0 ? undefined : html`<path class="act" d="M${Chart.px(x(at * 1000))} 30V${refusals.base}"/>`,
    lines.map(
      (line, index) =>
        html`<text class="strong" x="${Chart.px(x(at * 1000) + 6)}" y="${42 + 16 * index}">${line}</text>`
    )
  ]
  const legend = (at: number, mark: Content, label: string): Content =>
    html`<g transform="translate(${at} 14)">${mark}<text x="26" y="4">${label}</text></g>`

  return `${
    html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">
<title id="title">A run against a limit that nobody told</title>
<desc id="desc">Requests a second, the limit as it is believed to be, and 429s, over ${seconds} seconds. The server allows ${limit} a second; from ${othersFrom} to ${othersTo} s another client takes ${others} of them; from ${freeFrom} s on there is no limit, and ${100 * share} % are refused at random.</desc>
<style>${html`${style}`}</style>
<rect class="ground" width="${width}" height="${height}"/>
${legend(left, html`<path class="area a" d="M0 -5H20V5H0Z"/><path class="line a" d="M0 -5H20"/>`, "requests a second")}
${legend(left + 170, html`<path class="line b" d="M0 0H20"/>`, "limit as it is believed")}
${legend(left + 370, html`<path class="allowed" d="M0 0H20"/>`, "what the server allows")}
${legend(left + 560, html`<rect class="bar" x="6" y="-6" width="8" height="12"/>`, "429s a second")}
${act(0, [`${limit} a second`, "are allowed"])}
${act(othersFrom, ["another client", `takes ${others} of them`])}
${act(othersTo, ["it is gone"])}
${act(freeFrom, ["no limit, but", `${100 * share} % refused at random`])}
${Scale.fromZero(rates.max, 4).map(({ at, label }) => [
  at === 0 ? undefined : html`<path class="grid" d="M${left} ${y(at)}H${right}"/>`,
  html`<text x="${left - 8}" y="${y(at) + 4}" text-anchor="end">${label}</text>`
])}
${Chart.steps({ colour: "a", filled: true, values: perSecond(answers, () => true) }, plot, y)}
<path class="axis" d="M${left} ${rates.base}H${right}"/>
<path class="allowed" d="${allowed}"/>
${lines}
${barTicks.map(({ at, label }) => [
  at === 0 ? undefined : html`<path class="grid" d="M${left} ${Chart.px(yRefused(at))}H${right}"/>`,
  html`<text x="${left - 8}" y="${Chart.px(yRefused(at)) + 4}" text-anchor="end">${label}</text>`
])}
${refused.map(({ from, to, value }) =>
  value === 0
    ? undefined
    : html`<rect class="bar" x="${Chart.px(x(from))}" y="${Chart.px(yRefused(value))}" width="${Chart.px(x(to) - x(from) - 0.5)}" height="${Chart.px(refusals.base - yRefused(value))}"/>`
)}
${Chart.timeAxis(plot, Scale.time(elapsed, 8), refusals.base)}
</svg>`.text
  }\n`
}

if (import.meta.main) writeFileSync(path, draw())
