/** A checkpoint in the places of the source that a run reads. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Result from "effect/Result"
import type { SourcePosition } from "../model/CustomerRecord.ts"
import type * as Places from "../record/Places.ts"
import type { SourcePlaceInvalid } from "../record/SourcePlaceInvalid.ts"
import type * as CheckpointState from "./CheckpointState.ts"
import type { Lease, OpenCheckpoint, WriteError } from "./OpenCheckpoint.ts"

export interface State extends Omit<CheckpointState.State, "ends" | "fingerprint" | "position" | "proof"> {
  /** Where reading goes on, or only the offset where it starts afresh. */
  readonly position: SourcePosition | number
  /** The first and the last record of each run, as far as they are needed. */
  readonly ends: ReadonlyArray<SourcePosition>
}

export interface PlacedCheckpoint {
  /** What the last run left. */
  readonly state: State | undefined
  /** `seen` is the first place behind all that is done or under way, where there is one yet. */
  readonly write: (
    state: State,
    seen: SourcePosition | undefined
  ) => Effect.Effect<void, SourcePlaceInvalid | WriteError>
  readonly rest: Duration.Input | undefined
  readonly lease: Lease | undefined
}

/** What a checkpoint needs of the source. */
export interface Placing {
  readonly places: Places.Places
  /** The source's `start`. */
  readonly start: unknown
  /** The source's `proof`. */
  readonly prove: (seen: SourcePosition | undefined) => Effect.Effect<string | undefined>
}

/** Fails where the checkpoint holds a place that the source does not have. */
export const make = Effect.fnUntraced(function* (
  { lease, rest, state, write }: OpenCheckpoint,
  { places, prove, start }: Placing
): Effect.fn.Return<PlacedCheckpoint, SourcePlaceInvalid> {
  const before = Option.getOrUndefined(state)
  return {
    state: before && {
      ...before,
      position: yield* mapPlace(before.position, places.decode),
      ends: yield* Effect.forEach(before.ends ?? [], ([offset, place]) =>
        Effect.fromResult(places.decode({ offset, place }))
      )
    },
    write: Effect.fnUntraced(function* ({ ends, ...next }, seen) {
      const position = yield* mapPlace(next.position, places.encode)
      const encoded = yield* Effect.forEach(ends, (end) => Effect.fromResult(places.encode(end)))
      const isStart = start !== undefined && next.position === 0 && isNothing(next)
      const proof = yield* prove(isStart ? { offset: 0, place: start } : seen)
      return yield* write({
        ...next,
        position,
        ...(encoded.length === 0 ? {} : { ends: encoded.map(({ offset, place }) => [offset, place]) }),
        ...(proof === undefined ? {} : { proof })
      })
    }),
    rest,
    lease
  }
})

/** Whether nothing is done or under way beyond the position. */
const isNothing = ({ done, sending, settling }: Pick<State, "done" | "sending" | "settling">): boolean =>
  done.length + sending.length + settling.length === 0

const mapPlace = <P, Q>(
  position: SourcePosition<P> | number,
  f: (position: SourcePosition<P>) => Result.Result<SourcePosition<Q>, SourcePlaceInvalid>
): Effect.Effect<SourcePosition<Q> | number, SourcePlaceInvalid> =>
  typeof position === "number" ? Effect.succeed(position) : Effect.fromResult(f(position))

/** The offset at which a run goes on. */
export const offsetOf = ({ position }: { readonly position: { readonly offset: number } | number }): number =>
  typeof position === "number" ? position : position.offset
