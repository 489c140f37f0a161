/**
 * Records that were refused, or whose fate is not known, with the reason and all that is needed to send them
 * again.
 *
 * @since 0.1.0
 */
import { Effect, FileSystem, type PlatformError, Schema, Scope } from "effect"
import { Reason } from "./Outcome.ts"

/**
 * One dead letter: customer data, for the eyes of whoever asked for the file.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeadLetter = Schema.Struct({
  /** 0-based position in the source. */
  offset: Schema.Int,
  /** 1-based line of the source, where it has lines. */
  line: Schema.optionalKey(Schema.Int),
  /** Who the record is about, where that could be read. */
  key: Schema.optionalKey(Schema.String),
  outcome: Schema.Literals(["Rejected", "Unknown"]),
  reason: Reason,
  /** What the vendor answered, word by word. */
  answer: Schema.optionalKey(Schema.String),
  /** The number of the batch that it was sent in. */
  batch: Schema.optionalKey(Schema.Int),
  /** When it became a dead letter: RFC 3339, UTC. */
  time: Schema.String,
  /** The record as read. */
  record: Schema.Struct({ format: Schema.Literals(["cells", "json", "text"]), value: Schema.Unknown })
})

/**
 * @category models
 * @since 0.1.0
 */
export type DeadLetter = typeof DeadLetter.Type

/**
 * The dead letters could not be written, so that the run stops before any record is lost.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeadLettersUnwritable extends Schema.TaggedError<DeadLettersUnwritable>()("DeadLettersUnwritable", {
  /** Where they were to go. */
  destination: Schema.String,
  /** The platform's reason: `NotFound`, `PermissionDenied` … */
  reason: Schema.String
}) {
  override get message(): string {
    return `Cannot write dead letters to ${this.destination} (${this.reason}). Check the folder, its permissions and the free space.`
  }
}

/**
 * Where dead letters go. A batch of them is safely there when `write` has ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeadLetters<R = never> {
  readonly open: Effect.Effect<
    { readonly write: (letters: ReadonlyArray<DeadLetter>) => Effect.Effect<void, DeadLettersUnwritable> },
    DeadLettersUnwritable,
    R | Scope.Scope
  >
}

const encoder = new TextEncoder()

/**
 * A file of NDJSON, one line a record, readable by its owner only. An existing file is added to; none is made
 * while there is nothing to write. Each write is flushed to the disk.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (path: string): DeadLetters<FileSystem.FileSystem> => ({
  open: Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const scope = yield* Effect.scope
    const unwritable = (error: PlatformError.PlatformError) =>
      new DeadLettersUnwritable({ destination: path, reason: error.reason._tag })
    const handle = yield* Effect.cached(
      fs.open(path, { flag: "a", mode: 0o600 }).pipe(Effect.provideService(Scope.Scope, scope))
    )
    return {
      write: (letters) =>
        letters.length === 0
          ? Effect.void
          : Effect.flatMap(handle, (file) =>
              Effect.andThen(
                file.writeAll(encoder.encode(letters.map((letter) => `${JSON.stringify(letter)}\n`).join(""))),
                file.sync
              )
            ).pipe(Effect.mapError(unwritable))
    }
  })
})
