/**
 * Why a checkpoint cannot be used. In none of these cases was anything sent.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const checkpoint = {
  /** The folder, or the key in a store. */
  checkpoint: Schema.String
}

/**
 * The checkpoint belongs to another source, destination, schema or meaning.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointMismatch extends Schema.TaggedError<CheckpointMismatch>()("CheckpointMismatch", {
  ...checkpoint,
  /** Each part that differs: what it was when the checkpoint was made, and what it is now. */
  differences: Schema.Array(
    Schema.Struct({
      part: Schema.String,
      was: Schema.UndefinedOr(Schema.String),
      is: Schema.UndefinedOr(Schema.String)
    })
  )
}) {
  override get message(): string {
    const each = this.differences.map(({ is, part, was }) => `${part} was ${quote(was)} and is ${quote(is)}`)
    return `The checkpoint ${this.checkpoint} belongs to another run: ${each.join("; ")}. Run with what it was made for, use another checkpoint, or reset this one to start afresh.`
  }
}

const quote = (text: string | undefined): string => (text === undefined ? "not there" : JSON.stringify(text))

const unreadable: { readonly [reason: string]: string } = {
  Empty: "it is empty",
  Foreign: "it is not a checkpoint of this library",
  Torn: "a part of it is missing or changed",
  NewerVersion: "a newer version of this library wrote it",
  Invalid: "it does not hold what a checkpoint holds"
}

/**
 * There is a checkpoint, and it cannot be read. What it knew of finished records is not guessed.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointUnreadable extends Schema.TaggedError<CheckpointUnreadable>()("CheckpointUnreadable", {
  ...checkpoint,
  /**
   * `Empty`, `Foreign` (something else is there), `Torn` (its checksum is wrong), `NewerVersion`, `Invalid`
   * (whole, but not to be understood), or the platform's reason: `PermissionDenied` …
   */
  reason: Schema.String
}) {
  override get message(): string {
    const why = unreadable[this.reason] ?? this.reason
    const first = this.reason === "NewerVersion" ? "Use that version, or reset it" : "Restore it, or reset it"
    return `The checkpoint ${this.checkpoint} cannot be read: ${why}. ${first} to start afresh; records that were sent already are then sent again.`
  }
}

const holder = {
  /** The process that uses it, where that is known. */
  pid: Schema.UndefinedOr(Schema.Int),
  /** The host on which it runs, where that is known. */
  host: Schema.UndefinedOr(Schema.String),
  /** Since when: RFC 3339, UTC. */
  since: Schema.UndefinedOr(Schema.String)
}

const told = (error: {
  readonly pid: number | undefined
  readonly host: string | undefined
  readonly since: string | undefined
}): string => {
  const process = error.pid === undefined ? "another run" : `process ${error.pid}`
  const host = error.host === undefined ? "" : ` on ${error.host}`
  return `${process}${host}${error.since === undefined ? "" : ` since ${error.since}`}`
}

/**
 * Another run uses the checkpoint at this moment.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointInUse extends Schema.TaggedError<CheckpointInUse>()("CheckpointInUse", {
  ...checkpoint,
  ...holder
}) {
  override get message(): string {
    return `The checkpoint ${this.checkpoint} is in use by ${told(this)}. Wait for it, stop it, or use another checkpoint.`
  }
}

/**
 * This run had the checkpoint, gave no sign of life for long, because its process was stopped or its store could not be
 * reached, and another one has taken it over. From then on this one wrote nothing, and began no request.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointTakenOver extends Schema.TaggedError<CheckpointTakenOver>()("CheckpointTakenOver", {
  ...checkpoint,
  ...holder
}) {
  override get message(): string {
    return `The checkpoint ${this.checkpoint} was taken over by ${told(this)}, while this run seemed to be gone. Let that run go on.`
  }
}

/**
 * The checkpoint could not be written. What was written before still stands.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointUnwritable extends Schema.TaggedError<CheckpointUnwritable>()("CheckpointUnwritable", {
  ...checkpoint,
  /** The platform's reason: `PermissionDenied`, `ENOSPC` … */
  reason: Schema.String
}) {
  override get message(): string {
    return `The checkpoint ${this.checkpoint} cannot be written (${this.reason}). Check that it is a folder, its permissions and the free space, then run again.`
  }
}

/**
 * The destination may not be sent a record twice, and the checkpoint cannot promise that where a run is taken over.
 *
 * @category errors
 * @since 0.1.0
 */
export class CheckpointUnsafe extends Schema.TaggedError<CheckpointUnsafe>()("CheckpointUnsafe", {
  /** Vendor and endpoint: `reach.create`. */
  destination: Schema.String
}) {
  override get message(): string {
    return `Nothing may be sent twice to ${this.destination}, and the checkpoint cannot promise that once another run takes over. Use Checkpoint.file, or one whose takeover is "safe".`
  }
}
