/** The places of a source, as checkpoints and dead letters hold them. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { SourcePosition } from "../model/CustomerRecord.ts"
import { SourcePlaceInvalid } from "./SourcePlaceInvalid.ts"

export interface Places {
  /** Whether the source has places at all. If not, reading always starts at its start. */
  readonly there: boolean
  /** Whether records may come between them, and go, from one run to the next. */
  readonly moving: boolean
  readonly encode: (position: SourcePosition) => Result.Result<SourcePosition<Schema.Json>, SourcePlaceInvalid>
  readonly decode: (position: SourcePosition<Schema.Json>) => Result.Result<SourcePosition, SourcePlaceInvalid>
}

/** The places that a schema tells of; none without one. */
export const make = (schema: Schema.Codec<unknown, unknown> | undefined, moving = false): Places => {
  const codec = Schema.toCodecJson(schema ?? Schema.Never)
  const encode = Schema.encodeUnknownResult(codec)
  const decode = Schema.decodeUnknownResult(codec)
  const invalid =
    (from: "checkpoint" | "source", { offset }: SourcePosition) =>
    () =>
      new SourcePlaceInvalid({ offset, from })
  return {
    there: schema !== undefined,
    moving,
    encode: (position) =>
      Result.mapBoth(encode(position.place), {
        onSuccess: (place) => ({ ...position, place }),
        onFailure: invalid("source", position)
      }),
    decode: (position) =>
      Result.mapBoth(decode(position.place), {
        onSuccess: (place) => ({ ...position, place }),
        onFailure: invalid("checkpoint", position)
      })
  }
}
