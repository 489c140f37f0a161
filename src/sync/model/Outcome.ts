/**
 * How one record ended. Every record that is read has exactly one outcome.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { InputIssue } from "../../json/InputIssue.ts"
import type { SourcePosition } from "./CustomerRecord.ts"

/**
 * Why a record was rejected, or why nothing is known of it, without customer data.
 *
 * @category models
 * @since 0.1.0
 */
export const Reason = Schema.Struct({
  /** The tag of the error: `SchemaMismatch`, `BadRequest`, `TransportFault` … */
  tag: Schema.String,
  message: Schema.String,
  /** What is wrong with the record itself, where that is known. */
  issues: Schema.Array(InputIssue)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

interface OfRecord {
  readonly offset: number
  /** Which of several sources the record came from, by name; not there where there is only one. */
  readonly source?: string
}

/**
 * What says which record an outcome is of.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofRecord = ({
  offset,
  position
}: {
  readonly offset: number
  readonly position: SourcePosition | undefined
}): OfRecord => (position?.source === undefined ? { offset } : { offset, source: position.source })

/**
 * The destination has applied it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Applied extends OfRecord {
  readonly _tag: "Applied"
}

/**
 * The destination has taken it over (202) and settling was not asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted extends OfRecord {
  readonly _tag: "Accepted"
  readonly batchId: string
}

/**
 * Refused, before sending or by the destination. There is a dead letter for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejected extends OfRecord {
  readonly _tag: "Rejected"
  readonly reason: Reason
}

/**
 * It was sent, and what became of it is not known. There is a dead letter for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unknown extends OfRecord {
  readonly _tag: "Unknown"
  readonly reason: Reason
}

/**
 * Folded into a later record of the same key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Merged extends OfRecord {
  readonly _tag: "Merged"
  /** The offset of that record. */
  readonly into: number
}

/**
 * The run stopped before it was sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unsent extends OfRecord {
  readonly _tag: "Unsent"
}

/**
 * Left out, as its mapping says of such records.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skipped extends OfRecord {
  readonly _tag: "Skipped"
}

/**
 * @category models
 * @since 0.1.0
 */
export type Outcome = Applied | Accepted | Rejected | Unknown | Merged | Skipped | Unsent
