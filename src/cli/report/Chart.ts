/**
 * Charts as inline SVG, each in two sizes: one for wide windows and paper, one for narrow windows, so that the text of
 * both can be read. Which one is seen, the style decides.
 */
import { type Content, html, type Markup } from "./Markup.ts"
import type { Tick } from "./Scale.ts"

export interface Size {
  readonly name: "wide" | "narrow"
  readonly width: number
  /** Of a plot over time, without its axes. */
  readonly plot: number
  /** Ticks after the first. */
  readonly timeTicks: number
  readonly valueTicks: number
}

const sizes: ReadonlyArray<Size> = [
  { name: "wide", width: 840, plot: 180, timeTicks: 8, valueTicks: 4 },
  { name: "narrow", width: 340, plot: 150, timeTicks: 4, valueTicks: 3 }
]

/** What a chart shows, for those who do not see it. */
export interface Told {
  /** Unique on the page. */
  readonly id: string
  readonly title: string
  readonly description: string
}

/** A chart in both sizes. */
export const chart = (
  { description, id, title }: Told,
  draw: (size: Size) => { readonly height: number; readonly content: Content }
): ReadonlyArray<Markup> =>
  sizes.map((size) => {
    const { content, height } = draw(size)
    const name = `${id}-${size.name}`
    return html`<svg class="chart ${size.name}" viewBox="0 0 ${size.width} ${height}" role="img" aria-labelledby="${name}-title" aria-describedby="${name}-desc">
<title id="${name}-title">${title}</title>
<desc id="${name}-desc">${description}</desc>
${content}
</svg>
`
  })

/** A number for an attribute: a tenth of a unit is less than can be seen. */
export const px = (value: number): number => Number(value.toFixed(1))

// Of the plots over time. On the left, the widest label is `1,000,000`.
const left = 68
const right = 1
const top = 30
const bottom = 30

/** Where a plot over time is: the inner edges, and what maps milliseconds to them. */
export interface Plot {
  readonly left: number
  readonly right: number
  readonly x: (millis: number) => number
}

export const plot = (size: Size, elapsed: number, from = left): Plot => {
  const end = size.width - right
  return { left: from, right: end, x: (millis) => from + ((end - from) * millis) / elapsed }
}

/** Ticks and times below a plot. */
export const timeAxis = ({ left, right, x }: Plot, ticks: ReadonlyArray<Tick>, y: number): Content => [
  html`<path class="axis" d="M${left} ${y}H${right}"/>`,
  ticks.map(({ at, label }) => {
    // The first and the last label must not reach over the edges.
    const anchor = x(at) < 8 ? "start" : x(at) > right - 18 ? "end" : "middle"
    return html`<path class="axis" d="M${px(x(at))} ${y}v5"/><text x="${px(x(at))}" y="${y + 20}" text-anchor="${anchor}">${label}</text>`
  })
]

/** A line of steps through values that each hold from one time to another. */
export interface Steps {
  /** The style's class: `a`, `b` … */
  readonly colour: string
  /** Whether what is below the line is filled. */
  readonly filled: boolean
  readonly label: string
  readonly values: ReadonlyArray<{ readonly from: number; readonly to: number; readonly value: number }>
}

const outline = (steps: Steps["values"], x: Plot["x"], y: (value: number) => number): string =>
  steps
    .map(({ from, to, value }, index) => `${index === 0 ? `M${px(x(from))} ` : "V"}${px(y(value))}H${px(x(to))}`)
    .join("")

/** The shapes of a line of steps. */
export const steps = (
  { colour, filled, values }: Pick<Steps, "colour" | "filled" | "values">,
  { left, right, x }: Plot,
  y: (value: number) => number
): Content => {
  const line = outline(values, x, y)
  return [
    filled ? html`<path class="area ${colour}" d="${line}L${px(right)} ${px(y(0))}H${px(left)}Z"/>` : undefined,
    html`<path class="line ${colour}" d="${line}"/>`
  ]
}

/** One or more lines of steps over time, from 0 up. */
export const overTime = (
  told: Told,
  options: {
    readonly elapsed: number
    readonly unit: string
    readonly values: (steps: number) => ReadonlyArray<Tick>
    readonly times: (most: number) => ReadonlyArray<Tick>
    readonly lines: ReadonlyArray<Steps>
  }
): ReadonlyArray<Markup> =>
  chart(told, (size) => {
    const area = plot(size, options.elapsed)
    const ticks = options.values(size.valueTicks)
    const max = ticks.at(-1)?.at ?? 1
    const base = top + size.plot
    const y = (value: number): number => base - (size.plot * value) / max
    const content = [
      html`<text x="0" y="14">${options.unit}</text>`,
      ticks.map(({ at, label }) => [
        at === 0 ? undefined : html`<path class="grid" d="M${area.left} ${px(y(at))}H${area.right}"/>`,
        html`<text class="value" x="${area.left - 10}" y="${px(y(at)) + 4}" text-anchor="end">${label}</text>`
      ]),
      options.lines.map((line) => steps(line, area, y)),
      timeAxis(area, options.times(size.timeTicks), base)
    ]
    return { height: base + bottom, content }
  })
