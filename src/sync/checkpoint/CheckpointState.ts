/**
 * What a checkpoint holds: the position up to which every record has an outcome, and what is known beyond it.
 * Numbers, batch ids and names only, and no customer data but what the source's places are made of: the key of a query.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Fingerprint } from "../model/Fingerprint.ts"

const natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** Offsets from the first number up to, and without, the second. */
const runs = Schema.Array(Schema.Tuple([natural, natural]))

/**
 * Where reading goes on: a place in the source, or only an offset where the source has no places, or no more of them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Position = Schema.Union([
  Schema.Struct({
    /** 0-based offset of the record that starts there. */
    offset: natural,
    /** Which of several sources it is in, by name. */
    source: Schema.optional(Schema.String),
    /** As the source's schema for its places writes it: a byte and a line, the values of a key … */
    place: Schema.Json
  }),
  natural
])

/**
 * @category models
 * @since 0.1.0
 */
export type Position = typeof Position.Type

/**
 * A batch that was accepted and has not settled: the next run asks for its status instead of sending it again.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SettlingBatch = Schema.Struct({
  batchId: Schema.String,
  /** The number of the batch. */
  batch: natural,
  /** Milliseconds since 1970. */
  acceptedAt: Schema.Finite,
  /** The offsets of its records. */
  runs
})

/**
 * @category models
 * @since 0.1.0
 */
export type SettlingBatch = typeof SettlingBatch.Type

/**
 * A batch whose request may be on its way, where sending it again would not be safe.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SendingBatch = Schema.Struct({
  /** The number of the batch. */
  batch: natural,
  /** The offsets of its records. */
  runs
})

/**
 * @category models
 * @since 0.1.0
 */
export type SendingBatch = typeof SendingBatch.Type

/**
 * @category schemas
 * @since 0.1.0
 */
export const State = Schema.Struct({
  fingerprint: Fingerprint,
  /** Every record before it has an outcome that is safely on disk. */
  position: Position,
  /** What the source gave as `proof` of what was read of it, up to a place behind all that is done or under way. */
  proof: Schema.optionalKey(Schema.String),
  /** Offsets beyond the position that have such an outcome as well. */
  done: runs,
  /**
   * Of sources whose records may come and go: offset and place of the first and the last record of each run that is done,
   * settling or sending.
   */
  ends: Schema.optionalKey(Schema.Array(Schema.Tuple([natural, Schema.Json]))),
  settling: Schema.Array(SettlingBatch),
  /** Empty where sending again is safe. */
  sending: Schema.Array(SendingBatch),
  /** Of all runs so far: the records read, and how many of them had which outcome. */
  counts: Schema.Struct({
    read: natural,
    outcomes: Schema.Struct({
      Applied: natural,
      Accepted: natural,
      Rejected: natural,
      Unknown: natural,
      Merged: natural,
      Skipped: natural,
      Unsent: natural
    })
  }),
  /** Of all runs so far, for the report. */
  totals: Schema.Struct({
    batches: natural,
    requests: natural,
    retries: natural,
    /** Of all request bodies, each counted once. */
    bytes: natural,
    /** Rejected and unknown records by the tag of the error. */
    reasons: Schema.Record(Schema.String, natural),
    /** The lowest offsets of each reason, ascending. */
    offsets: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(natural))),
    /** Batches of which it was not learnt how they went, and the ids of the first ones. */
    unsettled: Schema.optionalKey(Schema.Struct({ batches: natural, ids: Schema.Array(Schema.String) }))
  }),
  /** When the first of the runs began: milliseconds since 1970. */
  startedAt: Schema.Finite,
  /** The source came to its end and every record has its outcome. */
  finished: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type State = typeof State.Type
