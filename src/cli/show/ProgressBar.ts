/** A run's progress as one line of a terminal: a bar, and what fits beside it. */

import { Format, type Progress } from "../../index.ts"
import * as ProgressText from "./ProgressText.ts"
import * as TextWidth from "./TextWidth.ts"

export interface Look {
  /** What is being sent; a file's name. */
  readonly title: string
  /** Columns of the terminal. */
  readonly columns: number
  readonly color: boolean
  /** Whether the terminal shows more than ASCII. */
  readonly unicode: boolean
}

const green = 32
const yellow = 33
const dim = 2

/** A part of the line, in forms from the shortest to the longest. */
interface Part {
  readonly forms: ReadonlyArray<string>
  /** Cells that are kept for it, though it may be shorter, so that the others do not jump when it comes and goes. */
  readonly keep?: number | undefined
  readonly paint?: ((text: string) => string) | undefined
}

const bar = (progress: Progress.Progress, cells: number, unicode: boolean): string => {
  const { settled, total } = progress
  const [full, empty] = unicode ? ["█", "░"] : ["#", "-"]
  if (total !== undefined) {
    const share = total <= 0 ? 1 : Math.max(0, Math.min(1, settled / total))
    const filled = Math.floor(cells * share)
    return full.repeat(filled) + empty.repeat(cells - filled)
  }
  // How far it is nobody knows: a block that goes to and fro says that it moves.
  const block = Math.max(1, Math.floor(cells / 4))
  const way = cells - block
  const step = Math.floor(ProgressText.elapsed(progress) / 100) % Math.max(1, 2 * way)
  const start = step <= way ? step : 2 * way - step
  return empty.repeat(start) + full.repeat(block) + empty.repeat(way - start)
}

/** The least that is told as a bar. */
const leastBar = 4

/**
 * One line without its end that takes at most `columns - 1` cells: a cursor behind it still is on the same row. The
 * narrower the terminal, the less it tells and the shorter; records come first. Colours are the only control characters
 * in it, and are ended in it.
 */
export const line = (progress: Progress.Progress, { color, columns, title, unicode }: Look): string => {
  const room = Math.max(0, columns - 1)
  const isNarrow = columns < 60
  const gap = isNarrow ? " " : "  "
  const paint = (code: number) => (text: string) => (color && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text)

  const { settled, total } = progress
  const percent = ProgressText.percent(progress)
  const eta = ProgressText.eta(progress)
  const elapsed = ProgressText.elapsed(progress)
  const reason = ProgressText.waiting(progress.waiting) ?? ProgressText.settling(progress)
  const records = Format.count(settled)
  const cleaned = TextWidth.clean(title)
  const name = unicode ? cleaned : cleaned.replace(/[^ -~]/gu, "?")
  const barCells = Math.max(leastBar, Math.min(40, Math.floor(columns / 5)))
  const paintBar = (text: string) =>
    text.replace(/[█#]+/, (full) => paint(green)(full)).replace(/[░-]+/g, (empty) => paint(dim)(empty))

  // As they stand in the line.
  const parts = {
    title: { forms: [TextWidth.fit(name, barCells, unicode ? "…" : "~")] },
    bar: { forms: [leastBar, barCells].map((cells) => bar(progress, cells, unicode)), paint: paintBar },
    percent: { forms: percent === undefined ? [] : [`${percent}%`, `${String(percent).padStart(3)} %`] },
    records: {
      forms: [
        ProgressText.compact(settled),
        records,
        total === undefined ? `${records} records` : `${records} of ${Format.count(total)} records`
      ]
    },
    rate: { forms: [ProgressText.shortRate(progress), ProgressText.rate(progress)] },
    eta: {
      forms:
        eta === undefined || settled === total ? [] : [ProgressText.shortTime(eta), `${ProgressText.time(eta)} left`]
    },
    elapsed: {
      forms: total === undefined ? [ProgressText.shortTime(elapsed), `${ProgressText.time(elapsed)} so far`] : []
    },
    trouble: { forms: [ProgressText.trouble(progress).join(", ")] },
    waiting: { forms: reason ?? [""], keep: ProgressText.reasonWidth, paint: paint(yellow) }
  } satisfies { readonly [name: string]: Part }

  const order = Object.keys(parts)
  const all: { readonly [name: string]: Part } = parts
  const chosen = new Map<string, { readonly form: number; readonly cells: number }>()
  let used = -gap.length
  const take = (part: string, form: number): void => {
    const { forms, keep = 0 } = all[part] ?? { forms: [] }
    const text = forms[form]
    if (text === undefined || (text === "" && keep === 0)) return
    const before = chosen.get(part)
    const cells = Math.max(keep, TextWidth.width(text))
    const more = before === undefined ? cells + gap.length : cells - before.cells
    if (used + more > room) return
    used += more
    chosen.set(part, { form, cells })
  }
  // First as many as fit, each in its shortest form; then longer forms. What is told first is kept longest.
  for (const part of ["records", "percent", "rate", "eta", "waiting", "bar", "elapsed"]) take(part, 0)
  for (const part of ["bar", "percent", "records", "rate"]) if (chosen.get(part)?.form === 0) take(part, 1)
  for (const part of ["eta", "elapsed"]) if (chosen.has(part)) take(part, 1)
  for (const part of ["trouble", "title"]) if (!isNarrow) take(part, 0)
  if (chosen.get("records")?.form === 1) take("records", 2)
  if (chosen.has("waiting")) take("waiting", 1)

  return order
    .flatMap((part) => {
      const { forms, paint: painted } = all[part] ?? { forms: [] }
      const text = forms[chosen.get(part)?.form ?? -1]
      return text === undefined || text === "" ? [] : [painted === undefined ? text : painted(text)]
    })
    .join(gap)
}
