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

  const move = (runs: ReadonlyArray<Run>): ReadonlyArray<Run> =>
    runs.flatMap(([from, to]) => {
      const inside = known.filter(({ offset }) => from <= offset && offset < to)
      const start = from === position.offset ? from : (inside[0]?.before ?? from)
      const end = inside.at(-1)?.behind ?? to
      return start < end ? [[start, end] as const] : []
    })
  return {
    ...state,
    done: move(state.done),
    settling: state.settling.map((batch) => ({ ...batch, runs: move(batch.runs) })),
    sending: state.sending.map((batch) => ({ ...batch, runs: move(batch.runs) })),
    ends: known.flatMap(
      ({ before, behind, place }): ReadonlyArray<SourcePosition> => (behind > before ? [{ offset: before, place }] : [])
    )
  }
})
