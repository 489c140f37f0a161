import { Format } from "../../index.ts"
/** Numbers as people read them. What belongs together stays on one line: the spaces do not break. */

/** `1,234,567`. */
export const count = Format.count

/** A noun in the number that it needs: `1 record`, `2 records`. */
export const counted = (value: number, noun: string): string => `${count(value)}\u00a0${noun}${value === 1 ? "" : "s"}`

/** With a decimal where that says more: `0.4`, `3.2`, `1,234`. */
export const amount = (value: number): string =>
  value === 0 || value >= 99.95 ? count(value) : value < 0.05 ? "<0.1" : value.toFixed(1)

/** Never 0 % of what is there, and never 100 % of what is not whole. */
export const share = (part: number, whole: number): string => {
  if (part === 0 || whole === 0) return "0\u00a0%"
  if (part === whole) return "100\u00a0%"
  const percent = (100 * part) / whole
  return percent < 0.01 ? "<0.01\u00a0%" : percent > 99.99 ? ">99.99\u00a0%" : `${percent.toFixed(2)}\u00a0%`
}

/** A part from 0 to 1, in whole percents: `30 %`. */
export const percent = (part: number): string =>
  part > 0 && part < 0.005 ? "<1\u00a0%" : `${Math.round(100 * part)}\u00a0%`

const bytesPerStep = 1000
const byteUnits = ["kB", "MB", "GB", "TB"] as const

/** `512 bytes`, `1.2 MB`. */
export const bytes = (value: number): string => {
  if (value < bytesPerStep) return counted(value, "byte")
  const step = Math.min(byteUnits.length, Math.floor(Math.log10(value) / 3))
  const scaled = value / bytesPerStep ** step
  return `${scaled < 99.95 ? scaled.toFixed(1) : count(scaled)}\u00a0${byteUnits[step - 1]}`
}

/** Milliseconds as a time. */
export const time = (millis: number): string => Format.duration(millis).replaceAll(" ", "\u00a0")
