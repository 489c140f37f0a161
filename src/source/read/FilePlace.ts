/** Places in files. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { InvalidConfiguration } from "../../http/InvalidConfiguration.ts"
import type { SourcePosition } from "../../sync/model/CustomerRecord.ts"

/**
 * A place in a file: the first byte of a row, and its line; in JSON, of an element, or behind the one before it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Place = Schema.Struct({
  /** 0-based; of the plain UTF-8, where a file is compressed or in another encoding. */
  byte: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** 1-based. */
  line: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  /** In JSON: the byte stands in the array of the records, before one of them. */
  inArray: Schema.optionalKey(Schema.Literal(true))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Place = typeof Place.Type

export type FilePosition = SourcePosition<Place>

/** The start of a file. */
export const top: FilePosition = { offset: 0, place: { byte: 0, line: 1 } }

/** A place in the file in which `from` is, as the place of records that are read together. */
export const at = (from: FilePosition | undefined, byte: number, offset: number, line: number): FilePosition =>
  atPlace(from, offset, { byte, line })

/** The same, of a place that is known. */
export const atPlace = (from: FilePosition | undefined, offset: number, place: Place): FilePosition =>
  from?.source === undefined ? { offset, place } : { offset, source: from.source, place }

/** Whether a position is one in a file. */
export const isIn = (position: SourcePosition): position is FilePosition => isPlace(position.place)

const isPlace = Schema.is(Place)

/** What an app says where to start; fails where it is no position in a file. */
export const given = (
  from: SourcePosition | undefined
): Effect.Effect<FilePosition | undefined, InvalidConfiguration> =>
  from === undefined || isIn(from)
    ? Effect.succeed(from)
    : Effect.fail(
        new InvalidConfiguration({ option: "from", problem: "is no position in a file: give that of a record of one" })
      )
