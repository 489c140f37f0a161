/** A checkpoint's offsets, counted anew for a source into which records came, or out of which they went, since. */
import * as Effect from "effect/Effect"
import type { SourcePosition } from "../model/CustomerRecord.ts"
import type { Recount } from "../record/Source.ts"
import type { State } from "./PlacedCheckpoint.ts"

type Run = readonly [from: number, to: number]

/**
 * Runs are found again by the records at their ends. What stood between them is done, settling or sent, as it was; what
 * came in between is taken for it, as for a run that was never stopped, which had read on by then.
 */
export const make = Effect.fnUntraced(function* <E, R>(
  state: State,
  recount: Recount<E, R>
): Effect.fn.Return<State, E, R> {
  const { ends, position } = state
  if (typeof position === "number" || ends.length === 0) return state
  const counts = yield* recount(
    position,
    ends.flatMap(({ place }) => [
      { place, inclusive: false },
      { place, inclusive: true }
    ])
  )
  const known = ends.map((end, index) => ({
    ...end,
    before: position.offset + (counts[2 * index] ?? 0),
    behind: position.offset + (counts[2 * index + 1] ?? 0)
  }))
  if (known.every(({ before, behind, offset }) => before === offset && behind === offset + 1)) return state

  // Where a record at an end is gone, its place still says where the run ends.
  const moved: Array<SourcePosition> = []
  const move = (runs: ReadonlyArray<Run>): ReadonlyArray<Run> =>
    runs.flatMap(([from, to]) => {
      const inside = known.filter(({ offset }) => from <= offset && offset < to)
      const [first] = inside
      const last = inside.at(-1)
      // What cannot be found again is not known to be done.
      if (first === undefined || last === undefined) return []
      const isFirst = from === position.offset
      const start = isFirst ? from : first.before
      const end = last.behind
      if (start >= end) return []
      moved.push({ offset: start, place: isFirst ? position.place : first.place })
      if (end - 1 > start) moved.push({ offset: end - 1, place: last.place })
      return [[start, end] as const]
    })
  return {
    ...state,
    done: move(state.done),
    settling: state.settling.map((batch) => ({ ...batch, runs: move(batch.runs) })),
    sending: state.sending.map((batch) => ({ ...batch, runs: move(batch.runs) })),
    ends: moved
  }
})
