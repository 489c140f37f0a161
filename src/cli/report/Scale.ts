/** Where the ticks of an axis are, and what stands beside them. */
import * as Figures from "./Figures.ts"

export interface Tick {
  readonly at: number
  readonly label: string
}

/** Ticks from 0, the last of which is not below `max`, at steps of 1, 2 or 5 and their tens. */
export const fromZero = (max: number, steps: number, whole = false): ReadonlyArray<Tick> => {
  const rough = (max > 0 ? max : 1) / steps
  const power = 10 ** Math.floor(Math.log10(rough))
  const nice = ([1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10) * power
  const step = whole ? Math.max(1, Math.round(nice)) : nice
  return Array.from({ length: Math.max(1, Math.ceil(max / step - 1e-9)) + 1 }, (_, index) => ({
    at: index * step,
    label: numeral(index * step, step)
  }))
}

const numeral = (value: number, step: number): string =>
  step >= 1e5 && value >= 1e6
    ? `${Number((value / 1e6).toFixed(2))} M`
    : step >= 1
      ? Figures.count(value)
      : String(Number(value.toPrecision(6)))

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const units = [
  { size: day, name: "d", steps: [1, 2, 5, 10, 20, 50, 100] },
  { size: hour, name: "h", steps: [1, 2, 3, 6, 12] },
  { size: minute, name: "min", steps: [1, 2, 5, 10, 15, 30] },
  { size: second, name: "s", steps: [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30] },
  { size: 1, name: "ms", steps: [1, 2, 5, 10, 20, 50, 100, 200, 500] }
] as const

const timeSteps = units
  .flatMap(({ name, size, steps }) => steps.map((step) => ({ name, size, step: step * size })))
  .sort((a, b) => a.step - b.step)

/** Ticks of a time that began at 0 and took `elapsed` milliseconds; at most `most` after the first. */
export const time = (elapsed: number, most: number): ReadonlyArray<Tick> => {
  const longest = { name: "d", size: day, step: Math.ceil(elapsed / most / day) * day }
  // Seconds have decimals where there are seconds.
  const { name, size, step } =
    timeSteps.find(({ size, step }) => elapsed / step <= most && size > 1 === elapsed >= second) ?? longest
  return Array.from({ length: Math.floor(elapsed / step + 1e-9) + 1 }, (_, index) => ({
    at: index * step,
    label: index === 0 ? "0" : `${numeral((index * step) / size, step / size)} ${name}`
  }))
}

/** Powers of ten, in milliseconds, around all that is between two positive numbers. */
export const decades = (min: number, max: number): ReadonlyArray<Tick> => {
  const first = Math.floor(Math.log10(min) + 1e-9)
  const last = Math.max(first + 1, Math.ceil(Math.log10(max) - 1e-9))
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const at = 10 ** (first + index)
    return { at, label: at < second ? `${Number(at.toPrecision(1))} ms` : `${Figures.count(at / second)} s` }
  })
}
