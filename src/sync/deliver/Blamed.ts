/**
 * What becomes of the records of a batch that was taken apart.
 *
 * @since 0.1.0
 */
import type { Ended, Fate, Refusal } from "../model/Fate.ts"
import type { Blame } from "./IsolateState.ts"

/**
 * The fate of what was refused together, when no more requests may be made to tell the records at fault from the others.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notIsolated = ({ answer, reason }: Refusal): Fate => ({
  _tag: "Rejected",
  answer,
  together: true,
  reason: {
    ...reason,
    tag: "NotIsolated",
    message: `${reason.message} The requests to find the records at fault are used up, so this may be one or a bystander.`
  }
})

/**
 * The fates of the records that are to blame together, each with the offsets of the others.
 *
 * @category constructors
 * @since 0.1.0
 */
export const together = (
  { culprits, partners = [] }: Blame<Refusal>,
  records: ReadonlyArray<{ readonly offset: number }>
): ReadonlyArray<Ended> => {
  const together = [...culprits.map(({ index }) => index), ...partners]
  return culprits.map(({ detail: { answer, reason }, index }) => {
    const others = together.filter((other) => other !== index).flatMap((other) => records[other]?.offset ?? [])
    const message = `${reason.message} To blame together with offset ${others.join(", ")}.`
    const told = others.length === 0 ? reason : { ...reason, message }
    return { indices: [index], fate: { _tag: "Rejected", reason: told, answer } }
  })
}
