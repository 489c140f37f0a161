/**
 * What a source yields: customer patches, each with its place in the source.
 *
 * @since 0.1.0
 */
import * as Stream from "effect/Stream"
import type { InputIssue } from "../../json/InputIssue.ts"

/**
 * Where reading can start again. Records that were read together may share one, which is that of the first of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface SourcePosition<P = unknown> {
  /** 0-based offset of the record that starts there. */
  readonly offset: number
  /** Which of several sources it is in, by name; not there where there is only one. */
  readonly source?: string | undefined
  /** The place in the source, in the source's own words (see `Source.Origin`): a byte and a line, the values of a key … */
  readonly place: P
}

/**
 * A record that fits its schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface Valid<A> {
  readonly _tag: "Valid"
  /** 0-based position in the source. */
  readonly offset: number
  /** 1-based line on which the record starts; `undefined` where the source has no lines. */
  readonly line: number | undefined
  readonly position: SourcePosition | undefined
  readonly patch: A
  /** The row, where it is at hand. Otherwise the source is asked for it, should a dead letter need it. */
  readonly row?: Row | undefined
  /**
   * Never there. It makes records that have a field which a destination does not send no records of that destination, for
   * the compiler too.
   */
  readonly "~fields"?: NamesOf<A> | Compared<A>
}

// Of anything, any name.
type NamesOf<A> = unknown extends A ? PropertyKey : A extends unknown ? keyof A : never

// Adds no name. Without it, the compiler takes two types that can be assigned to each other for the same, and an optional
// field that only one of them has would not be looked at.
type Compared<A> = keyof { readonly [K in keyof A as never]-?: unknown }

/**
 * A record that is rejected before sending. `reason` may be logged; `input` holds customer data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Invalid {
  readonly _tag: "Invalid"
  readonly offset: number
  readonly line: number | undefined
  readonly position: SourcePosition | undefined
  readonly reason: InvalidReason
  /** The record as read. */
  readonly input: RecordInput
  /** The row, as with `Valid`. */
  readonly row?: Row | undefined
}

/**
 * Why a record is rejected before sending: `SchemaMismatch` (it was read and does not fit the schema),
 * `Suspicious` (an id or a phone number in it looks spoiled; see `Suspicious`), or `Malformed` (it could not be read:
 * broken quotes, a cell too many, text that is not JSON, too large).
 *
 * @category models
 * @since 0.1.0
 */
export interface InvalidReason {
  readonly _tag: "SchemaMismatch" | "Suspicious" | "Malformed"
  readonly issues: ReadonlyArray<InputIssue>
}

/**
 * A record as read: the cells by field name, the JSON value by field name, or the text that could not be taken apart, or
 * not without changing it, with what is needed to read it once it is put right.
 *
 * @category models
 * @since 0.1.0
 */
export type RecordInput =
  | { readonly format: "cells"; readonly value: { readonly [field: string]: string } }
  | { readonly format: "json"; readonly value: unknown }
  | {
      readonly format: "csv"
      /** The row. */
      readonly value: string
      /** The names of its columns. */
      readonly header: ReadonlyArray<string>
      readonly delimiter: string
      /** Field to the name of its column, where that is another. */
      readonly columns?: { readonly [field: string]: string }
    }
  | {
      readonly format: "ndjson"
      /** The line. */
      readonly value: string
      /** Field to the name that it has in the line, where that is another. */
      readonly columns?: { readonly [field: string]: string }
    }

/**
 * A record that is left out, as its mapping says of such records.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skipped {
  readonly _tag: "Skipped"
  readonly offset: number
  readonly line: number | undefined
  readonly position: SourcePosition | undefined
  readonly row?: Row | undefined
}

/**
 * A row as it stood in the source, with what is no field too, so that a person can find it again: the cells of a CSV, each
 * behind the name of its column, or the line of an NDJSON.
 *
 * @category models
 * @since 0.1.0
 */
export type Row = { readonly cells: ReadonlyArray<readonly [column: string, cell: string]> } | { readonly line: string }

/**
 * One customer patch as read from the source, with its offset.
 *
 * @category models
 * @since 0.1.0
 */
export type CustomerRecord<A> = Valid<A> | Invalid | Skipped

/**
 * Records from patches that are in the app already, numbered in the order in which they come.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPatches = <A, E, R>(patches: Stream.Stream<A, E, R>): Stream.Stream<CustomerRecord<A>, E, R> =>
  Stream.suspend(() => {
    let offset = 0
    return Stream.map(
      patches,
      (patch): CustomerRecord<A> => ({ _tag: "Valid", offset: offset++, line: undefined, position: undefined, patch })
    )
  })
