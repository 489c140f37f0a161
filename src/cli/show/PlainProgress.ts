/** A run's progress as one line of a log: no control characters, no colours. */

import { Format, type Progress } from "../../index.ts"
import * as ProgressText from "./ProgressText.ts"
import * as TextWidth from "./TextWidth.ts"

/** One line without its end: `customers.csv: 45 %, 1,234,567 of 2,750,000 records, 12,345/s, 2:05 left`. */
export const line = (progress: Progress.Progress, { title }: { readonly title: string }): string => {
  const { settled, total } = progress
  const percent = ProgressText.percent(progress)
  const eta = ProgressText.eta(progress)
  const isOver = settled === total
  const reasons = isOver ? [] : [ProgressText.settling(progress), ProgressText.waiting(progress.waiting)]
  const parts = [
    ...(percent === undefined ? [] : [`${percent} %`]),
    `${Format.count(settled)}${total === undefined ? "" : ` of ${Format.count(total)}`} records`,
    ProgressText.rate(progress),
    ...(eta === undefined || isOver ? [] : [`${ProgressText.time(eta)} left`]),
    ...(total === undefined ? [`${ProgressText.time(ProgressText.elapsed(progress))} so far`] : []),
    ...ProgressText.trouble(progress),
    ...reasons.flatMap((reason) => (reason === undefined ? [] : [reason[1]]))
  ].join(", ")
  return title === "" ? parts : `${TextWidth.clean(title)}: ${parts}`
}
