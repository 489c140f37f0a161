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
  /** All that is done or under way is before the offset `end`; `behind` is the first place that is known from there on. */
  readonly write: (
    state: State,
    end: number,
    behind: SourcePosition | undefined
  ) => Effect.Effect<void, SourcePlaceInvalid | WriteError>
  readonly rest: Duration.Input | undefined
  readonly lease: Lease | undefined
}

/** Fails where the checkpoint holds a place that the source does not have. `prove` gives the source's `proof`. */
export const make = Effect.fnUntraced(function* (
  { lease, rest, state, write }: OpenCheckpoint,
  places: Places.Places,
  prove: (end: number, behind: SourcePosition | undefined) => Effect.Effect<string | undefined>
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
    write: Effect.fnUntraced(function* ({ ends, ...next }, end, behind) {
      const position = yield* mapPlace(next.position, places.encode)
      const encoded = yield* Effect.forEach(ends, (end) => Effect.fromResult(places.encode(end)))
      const proof = yield* prove(end, behind)
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

const mapPlace = <P, Q>(
  position: SourcePosition<P> | number,
  f: (position: SourcePosition<P>) => Result.Result<SourcePosition<Q>, SourcePlaceInvalid>
): Effect.Effect<SourcePosition<Q> | number, SourcePlaceInvalid> =>
  typeof position === "number" ? Effect.succeed(position) : Effect.fromResult(f(position))

/** The offset at which a run goes on. */
export const offsetOf = ({ position }: { readonly position: { readonly offset: number } | number }): number =>
  typeof position === "number" ? position : position.offset
